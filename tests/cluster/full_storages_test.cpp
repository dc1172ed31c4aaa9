#include "small_disk.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <memory>
#include <signal.h>
#include <string>
#include <unistd.h>

/// Storage nodes whose disks fill up, and how space is freed before the grace time ends.
namespace {

constexpr int no_space_code = 7;

cluster_shape with_long_grace() {
  cluster_shape shape;
  shape.storages = 1;
  shape.copies = 1;
  shape.files =
      "chunk_size = \"1MiB\"\ninline_limit = 0\ngrace = \"1h\"\ncollection_interval = \"10m\"";
  return shape;
}

/// A `dfs put` to /slow whose source pauses in the middle.
class slow_upload {
 public:
  slow_upload(test_cluster& cluster, std::string bytes) : bytes_{std::move(bytes)} {
    auto pipe = (cluster.folder() / "source").string();
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    put_ = start_program(
        {program("dfs").string(), "-c", cluster.folder().string(), "put", pipe, "/slow"});
    source_ = ::open(pipe.c_str(), O_WRONLY);
  }
  void send_half() { send(std::string_view{bytes_}.substr(0, bytes_.size() / 2)); }
  /// Sends the rest. @returns the exit code of the `put`
  int finish() {
    send(std::string_view{bytes_}.substr(bytes_.size() / 2));
    ::close(source_);
    return wait_for(put_);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void send(std::string_view part) {
    while (!part.empty()) {
      auto sent = ::write(source_, part.data(), part.size());
      REQUIRE(sent > 0);
      part.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  std::string bytes_;
  pid_t put_ = 0;
  int source_ = -1;
};

} // namespace

TEST_CASE("on full storage nodes removed files make room before the grace time ends") {
  if (!small_disk::possible()) {
    MESSAGE("not tried: it wants root, for a small disk");
    return;
  }
  test_cluster cluster{with_long_grace()};
  small_disk disk{cluster.data_of("storage-1"), 48};
  cluster.up();
  auto large = random_bytes(20 << 20, 1);
  REQUIRE(cluster.dfs({"put", "-", "/a"}, large).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/b"}, large).code == 0);
  disk.fill(3 << 20);
  CHECK(cluster.dfs({"put", "-", "/c"}, large).code == no_space_code);
  CHECK(cluster.dfs({"rm", "/a"}).code == 0);
  eventually("the space of the removed file is used again", [&] {
    return cluster.dfs({"put", "-", "/c"}, large).code == 0;
  });
  CHECK(cluster.dfs({"cat", "/b"}).out == large);
  CHECK(cluster.dfs({"cat", "/c"}).out == large);
  cluster.kill("storage-1", SIGKILL);
}

TEST_CASE("on full storage nodes the oldest in the trash makes room before it expires") {
  if (!small_disk::possible()) {
    MESSAGE("not tried: it wants root, for a small disk");
    return;
  }
  auto shape = with_long_grace();
  shape.files += "\ntrash = \"24h\"";
  test_cluster cluster{shape};
  small_disk disk{cluster.data_of("storage-1"), 48};
  cluster.up();
  auto large = random_bytes(20 << 20, 1);
  for (auto* path : {"/a", "/b"}) {
    REQUIRE(cluster.dfs({"put", "-", path}, large).code == 0);
    REQUIRE(cluster.dfs({"rm", path}).code == 0);
  }
  disk.fill(3 << 20);
  eventually("a file of the trash makes room", [&] {
    return cluster.dfs({"put", "-", "/c"}, large).code == 0;
  });
  CHECK(cluster.dfs({"trash", "restore", "/a"}).code == 3);
  REQUIRE(cluster.dfs({"trash", "restore", "/b"}).code == 0);
  CHECK(cluster.dfs({"cat", "/b"}).out == large);
  CHECK(cluster.dfs({"cat", "/c"}).out == large);
  cluster.kill("storage-1", SIGKILL);
}

TEST_CASE("'dfs admin collect' ends when all unreferenced fragments are removed") {
  test_cluster cluster{with_long_grace()};
  cluster.up();
  // More than one page of looked-up fragments, referenced and unreferenced.
  auto large = random_bytes(700 << 10, 2);
  auto folder = cluster.folder() / "many";
  std::filesystem::create_directories(folder);
  for (int i = 0; i < 600; ++i)
    write_file(folder / fmt::format("{}", i), random_bytes(1 << 10, i));
  REQUIRE(cluster.dfs({"put", "-r", folder.string(), "/kept"}).code == 0);
  REQUIRE(cluster.dfs({"put", "-r", folder.string(), "/removed"}).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/large"}, large).code == 0);

  slow_upload upload{cluster, random_bytes(3 << 20, 3)};
  upload.send_half();
  eventually("the first chunk of an upload under way is stored",
             [&] { return cluster.chunk_files("storage-1").size() == 1202; });

  REQUIRE(cluster.dfs({"rm", "-r", "/removed", "/large"}).code == 0);
  auto collected = cluster.dfs({"--json", "admin", "collect"});
  CHECK_MESSAGE(collected.code == 0, collected.err);
  INFO(collected.out);
  auto told = nlohmann::json::parse(collected.out);
  CHECK(told["fragments"] == 601);
  CHECK(told["bytes"] >= (600 << 10) + large.size());
  CHECK(told["uploads"] == 1);
  CHECK(cluster.chunk_files("storage-1").size() == 601);

  CHECK(upload.finish() == 0);
  CHECK(cluster.dfs({"cat", "/slow"}).out == upload.bytes());
  CHECK(cluster.dfs({"cat", "/kept/599"}).out == random_bytes(1 << 10, 599));

  auto again = cluster.dfs({"admin", "collect"});
  CHECK(again.code == 0);
  CHECK_MESSAGE(again.out.find("0 fragments removed") == 0, again.out);
}

/// A new leader waits for active uploads to renew their claims,
/// which takes a part of the grace time; with an interval of ten minutes no collection starts.
cluster_shape with_three_masters(const std::string& grace) {
  auto shape = with_long_grace();
  shape.masters = 3;
  shape.consensus = "raft";
  shape.consensus_options = "heartbeat = \"50ms\", election_timeout = \"300ms\"";
  shape.files = fmt::format("chunk_size = \"64KiB\"\ninline_limit = 0\ngrace = \"{}\"\n"
                            "collection_interval = \"10m\"",
                            grace);
  return shape;
}

TEST_CASE("'dfs admin collect' keeps the chunks of an upload that began under the previous "
          "leader") {
  test_cluster cluster{with_three_masters("9s")};
  cluster.up();
  auto leader = cluster.must_lead_all();
  slow_upload upload{cluster, random_bytes(3 << 16, 3)};
  upload.send_half();
  eventually("the first chunk is stored",
             [&] { return cluster.chunk_files("storage-1").size() == 1; });
  REQUIRE(cluster.dfs({"mkdir", "/later"}).code ==
          0); // the state's time advances beyond the chunk's
  cluster.kill(leader, SIGKILL);
  auto collected = cluster.dfs({"admin", "collect"});
  CHECK_MESSAGE(collected.code == 0, collected.err);
  CHECK(cluster.chunk_files("storage-1").size() == 1);
  CHECK(upload.finish() == 0);
  CHECK(cluster.dfs({"cat", "/slow"}).out == upload.bytes());
}

TEST_CASE("'dfs admin collect' removes the same fragments after a change of leader, also during "
          "the call") {
  test_cluster cluster{with_three_masters("4s")};
  cluster.up();
  constexpr std::size_t chunks = 40;
  auto kept = random_bytes(chunks << 16, 1);
  auto store_and_remove = [&](const std::string& path) {
    REQUIRE(cluster.dfs({"put", "-", path}, random_bytes(chunks << 16, 2)).code == 0);
    REQUIRE(cluster.dfs({"rm", path}).code == 0);
  };
  REQUIRE(cluster.dfs({"put", "-", "/kept"}, kept).code == 0);

  for (int round = 0; round < 2; ++round) {
    store_and_remove("/removed");
    auto leader = cluster.must_lead_all();
    cluster.kill(leader, SIGKILL);
    auto collected = cluster.dfs({"--json", "admin", "collect"});
    REQUIRE_MESSAGE(collected.code == 0, collected.err);
    // If the leader changes once more during the call, the next one counts from there.
    CHECK(nlohmann::json::parse(collected.out)["fragments"] <= chunks);
    CHECK(cluster.chunk_files("storage-1").size() == chunks);
    CHECK(cluster.dfs({"cat", "/kept"}).out == kept);
    cluster.start(leader);
  }

  // The leader is killed while it collects: the command may fail, but the next leader collects
  // what is left.
  store_and_remove("/removed");
  auto leader = cluster.must_lead_all();
  auto collect =
      start_program({program("dfs").string(), "-c", cluster.folder().string(), "admin", "collect"});
  eventually("fragments are being removed or have been",
             [&] { return cluster.chunk_files("storage-1").size() < 2 * chunks; });
  cluster.kill(leader, SIGKILL);
  wait_for(collect);
  CHECK(cluster.dfs({"admin", "collect"}).code == 0);
  CHECK(cluster.chunk_files("storage-1").size() == chunks);
  CHECK(cluster.dfs({"cat", "/kept"}).out == kept);
}
