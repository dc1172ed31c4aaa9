#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <iterator>
#include <signal.h>
#include <string>
#include <vector>

// `dfs get --resume` goes on where an interrupted one stopped.

namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk = 64 << 10;

/// A file of two chunks, on a node each. While the node of the second chunk is frozen, a `get` has
/// read the first one, and waits.
class halved_file {
 public:
  halved_file() : cluster{shape()} {
    cluster.up();
    store(random_bytes(2 * chunk, 1));
  }

  void store(const std::string& bytes) {
    content = bytes;
    eventually("the chunks are on a node each", [&] { // a node that was silent gets fewer at first
      auto put = cluster.dfs({"put", "-", "/f"}, bytes);
      REQUIRE_MESSAGE(put.code == 0, put.err);
      auto stat = nlohmann::json::parse(cluster.dfs({"--json", "stat", "/f"}).out);
      REQUIRE(stat["chunks"].size() == 2);
      first_node = stat["chunks"][0]["names"][0];
      second_node = stat["chunks"][1]["names"][0];
      return first_node != second_node;
    });
  }

  /// Begins to read the file, and ends the program by a signal when it has half of it.
  void interrupt(int signal) {
    cluster.kill(second_node, SIGSTOP);
    auto get = start_program({program("dfs").string(), "--cluster", cluster.folder().string(),
                              "get", "--resume", "/f", target().string()});
    eventually("half of the file is there", [&] { return partial_bytes() == chunk; });
    ::kill(get, signal);
    CHECK(wait_for(get) == 128 + signal);
    cluster.kill(second_node, SIGCONT);
    cluster.wait_for_health(second_node, "up");
    CHECK_FALSE(fs::exists(target()));
    CHECK(partial_bytes() == chunk);
  }

  outcome resume() { return cluster.dfs({"get", "--resume", "/f", target().string()}); }

  void must_be_whole() {
    CHECK(read_file(target()) == content);
    for (auto& entry : fs::directory_iterator{local.path()})
      CHECK_MESSAGE(entry.path() == target(), entry.path().string()); // nothing is left beside
  }

  fs::path target() const { return local / "out"; }

  /// Of the partial file; 0: there is none.
  std::uintmax_t partial_bytes() const {
    for (auto& entry : fs::directory_iterator{local.path()})
      if (entry.path().filename().string().starts_with(".dfs-part-"))
        return entry.file_size();
    return 0;
  }

  test_cluster cluster;
  temporary_folder local;
  std::string content;
  std::string first_node;
  std::string second_node;

 private:
  static cluster_shape shape() {
    cluster_shape two_nodes;
    two_nodes.storages = 2;
    two_nodes.links = "heartbeat = \"100ms\"\nfailure_timeout = \"5m\""; // a frozen node stays up
    // A get waits until it is interrupted.
    two_nodes.client = "transfer_timeout = \"5m\"\nconnect_timeout = \"5m\"";
    two_nodes.copies = 1;
    two_nodes.files = "chunk_size = \"64KiB\"\ninline_limit = 0\ndurability = \"replicated\"";
    return two_nodes;
  }
};

} // namespace

TEST_CASE("a get that was interrupted or killed goes on with the part that it has not read") {
  for (int signal : {SIGKILL, SIGINT}) {
    CAPTURE(signal);
    halved_file file;
    file.interrupt(signal);
    file.cluster.kill(file.first_node, SIGKILL); // what was read isn't read again
    auto get = file.resume();
    CHECK_MESSAGE(get.code == 0, get.err);
    CHECK_MESSAGE(contains(get.err, "goes on at byte 65536"), get.err);
    file.must_be_whole();
  }
}

TEST_CASE("a get that failed goes on, also over a file that it replaces") {
  halved_file file;
  write_file(file.target(), "old");
  fs::permissions(file.target(), fs::perms{0640});
  file.cluster.kill(file.second_node, SIGKILL);
  auto failed = file.resume();
  CHECK(failed.code == 5);
  CHECK(read_file(file.target()) == "old");
  CHECK(file.partial_bytes() == chunk);
  file.cluster.start(file.second_node);
  outcome get;
  eventually("the started node serves the rest", [&] {
    get = file.resume();
    CHECK_MESSAGE(contains(get.err, "goes on at byte 65536"), get.err);
    return get.code == 0;
  });
  file.must_be_whole();
  CHECK(fs::status(file.target()).permissions() == fs::perms{0640});
}

TEST_CASE("a file that was replaced or changed in between is read from the beginning") {
  halved_file file;
  file.interrupt(SIGKILL);
  file.store(random_bytes(2 * chunk, 2)); // of the same size
  auto get = file.resume();
  CHECK_MESSAGE(get.code == 0, get.err);
  CHECK_MESSAGE(contains(get.err, "has changed since a part of it was read"), get.err);
  file.must_be_whole();

  // Another file under the name.
  REQUIRE(fs::remove(file.target()));
  file.interrupt(SIGINT);
  REQUIRE(file.cluster.dfs({"rm", "/f"}).code == 0);
  file.store(random_bytes(2 * chunk, 3));
  get = file.resume();
  CHECK_MESSAGE(get.code == 0, get.err);
  CHECK_MESSAGE(contains(get.err, "has changed since a part of it was read"), get.err);
  file.must_be_whole();
}

TEST_CASE("an interrupted get without --resume leaves nothing, and parts are no whole files") {
  halved_file file;
  auto whole = file.cluster.dfs({"get", "/f", file.target().string()});
  CHECK_MESSAGE(whole.code == 0, whole.err);
  file.must_be_whole();
  for (auto& words : {std::vector<std::string>{"get", "--resume", "--range", "0-9", "/f", "out"},
                      std::vector<std::string>{"get", "--resume", "/f", "-"}}) {
    auto refused = file.cluster.dfs(words);
    CHECK(refused.code == 2);
    CHECK_MESSAGE(contains(refused.err, "--resume is of whole files"), refused.err);
  }
}

TEST_CASE("directories are read with --resume, several files at once") {
  halved_file file;
  for (auto* name : {"/d/a", "/d/b", "/d/c"})
    REQUIRE(file.cluster.dfs({"put", "--parents", "-", name}, random_bytes(3 * chunk, 7)).code ==
            0);
  auto get = file.cluster.dfs({"get", "-r", "-j", "3", "--resume", "/d", file.target().string()});
  CHECK_MESSAGE(get.code == 0, get.err);
  for (auto* name : {"a", "b", "c"})
    CHECK(read_file(file.target() / name) == random_bytes(3 * chunk, 7));
  CHECK(std::distance(fs::directory_iterator{file.target()}, fs::directory_iterator{}) == 3);
}

TEST_CASE("with -a, --resume reads no file again that is there with its size and time") {
  halved_file file;
  write_file(file.local / "tree/whole", random_bytes(3 * chunk, 8));
  write_file(file.local / "tree/other", random_bytes(3 * chunk, 9));
  auto& cluster = file.cluster;
  REQUIRE(cluster.dfs({"put", "-a", (file.local / "tree").string(), "/tree"}).code == 0);
  std::vector<std::string> get{"get", "-a", "--resume", "/tree", file.target().string()};
  REQUIRE(cluster.dfs(get).code == 0);
  auto whole = file.target() / "whole";
  auto other = file.target() / "other";
  auto inode_of = [](const fs::path& path) {
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_ino;
  };
  auto before = inode_of(whole);
  fs::permissions(whole, fs::perms{0600});
  write_file(other, "changed here");
  REQUIRE(
      cluster.dfs({"get", "-a", "--resume", "/tree/whole", "/tree/other", file.target().string()})
          .code == 0);
  CHECK(inode_of(whole) == before); // a file that is read gets another inode
  CHECK(fs::status(whole).permissions() == fs::status(file.local / "tree/whole").permissions());
  CHECK(read_file(other) == random_bytes(3 * chunk, 9));
  CHECK(read_file(whole) == random_bytes(3 * chunk, 8));
}
