#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdint>
#include <fcntl.h>
#include <map>
#include <string>
#include <unistd.h>

// `put -a -j` and `get -a -j`: trees with their modes, times, links and special files.

namespace {

namespace fs = std::filesystem;

cluster_shape small_cluster() {
  cluster_shape shape;
  shape.storages = shape.copies = 1;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"1KiB\"\ndurability = \"replicated\"";
  return shape;
}

constexpr std::int64_t ns_per_second = 1'000'000'000;

void set_times(const fs::path& path, std::int64_t mtime_ns) {
  timespec times[] = {{mtime_ns / ns_per_second + 7, 5},
                      {mtime_ns / ns_per_second, mtime_ns % ns_per_second}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

/// What `-p` keeps of a local file, as text; a symbolic link with its target.
std::string described(const fs::path& path) {
  struct stat of {};
  REQUIRE_MESSAGE(::lstat(path.c_str(), &of) == 0, path.string());
  auto text = fmt::format("{:o} {}:{} {}.{:09}", of.st_mode, of.st_uid, of.st_gid,
                          of.st_mtim.tv_sec, of.st_mtim.tv_nsec);
  if (S_ISREG(of.st_mode)) // reading a folder or a link changes its time of access
    text +=
        fmt::format(" {} bytes, read {}.{:09}", of.st_size, of.st_atim.tv_sec, of.st_atim.tv_nsec);
  if (S_ISLNK(of.st_mode))
    text += " -> " + fs::read_symlink(path).string();
  return text;
}

/// A tree with a file, folder, link and pipe of each kind of mode and time.
void make_tree(const fs::path& root) {
  write_file(root / "deep/er/chunks", random_bytes(150'000, 1));
  write_file(root / "deep/inline", "inline");
  write_file(root / "empty", "");
  for (int i = 0; i < 30; ++i)
    write_file(root / fmt::format("many/{}", i), random_bytes(2000, static_cast<unsigned>(i)));
  fs::create_directories(root / "hollow");
  fs::create_symlink("deep/inline", root / "link");
  fs::create_symlink("../nowhere", root / "deep/dangling");
  REQUIRE(::mkfifo((root / "pipe").c_str(), 0640) == 0);
  fs::permissions(root / "deep/inline", fs::perms{04711});
  fs::permissions(root / "deep/er/chunks", fs::perms{0600});
  fs::permissions(root / "hollow", fs::perms{01770});
  // Times at last, from the inside out: a folder's time changes with its entries.
  set_times(root / "deep/er/chunks", 1'000'000'000'123'456'789);
  set_times(root / "deep/inline", 999'999'999);
  set_times(root / "deep/dangling", 5 * ns_per_second);
  set_times(root / "link", 6 * ns_per_second);
  set_times(root / "pipe", 7 * ns_per_second);
  set_times(root / "hollow", 8 * ns_per_second);
  set_times(root / "deep/er", 9 * ns_per_second);
  set_times(root / "deep", 10 * ns_per_second);
  set_times(root / "many", 11 * ns_per_second);
  set_times(root, 12 * ns_per_second);
}

/// All below a folder, by their relative paths, and the folder itself as `.`.
std::map<std::string, std::string> described_tree(const fs::path& root) {
  std::map<std::string, std::string> all{{".", described(root)}};
  for (auto& entry : fs::recursive_directory_iterator{root})
    all[entry.path().lexically_relative(root).string()] = described(entry.path());
  return all;
}

} // namespace

TEST_CASE("a tree that is stored and read with -a is the same, eight files at once") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  temporary_folder local;
  make_tree(local / "tree");
  auto before = described_tree(local / "tree");
  auto put = cluster.dfs({"put", "-a", "-j", "8", (local / "tree").string(), "/tree"});
  REQUIRE_MESSAGE(put.code == 0, put.err);
  auto get = cluster.dfs({"get", "-a", "-j", "8", "/tree", (local / "back").string()});
  REQUIRE_MESSAGE(get.code == 0, get.err);
  CHECK(described_tree(local / "back") == before);
  CHECK(read_file(local / "back/deep/er/chunks") == random_bytes(150'000, 1));
  CHECK(read_file(local / "back/deep/inline") == "inline");
  for (int i = 0; i < 30; ++i)
    CHECK(read_file(local / fmt::format("back/many/{}", i)) ==
          random_bytes(2000, static_cast<unsigned>(i)));
  // Again, over what is there.
  get = cluster.dfs({"get", "-a", "-j", "8", "/tree", (local / "back").string()});
  CHECK_MESSAGE(get.code == 0, get.err);
}

TEST_CASE("what is neither a file nor a directory is left out without -a, and named") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  temporary_folder local;
  make_tree(local / "tree");
  auto put = cluster.dfs({"put", "-r", (local / "tree").string(), "/followed"});
  CHECK(put.code == 3); // the link to nothing
  CHECK_MESSAGE(contains(put.err, "dangling"), put.err);
  CHECK_MESSAGE(contains(put.err, "pipe"), put.err);
  CHECK(cluster.dfs({"cat", "/followed/link"}).out == "inline"); // a file of its own
  REQUIRE(cluster.dfs({"put", "-a", (local / "tree").string(), "/tree"}).code == 0);
  auto get = cluster.dfs({"get", "-r", "/tree", (local / "back").string()});
  CHECK_MESSAGE(contains(get.err, "left out /tree/pipe"), get.err);
  CHECK_FALSE(fs::exists(fs::symlink_status(local / "back/link")));
  CHECK(read_file(local / "back/deep/inline") == "inline");
}

TEST_CASE("--if-absent stores what isn't there, and replaces nothing") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  CHECK(cluster.dfs({"put", "--if-absent", "-", "/f"}, "first").code == 0);
  auto again = cluster.dfs({"put", "--if-absent", "-", "/f"}, "second");
  CHECK(again.code == 4);
  CHECK_MESSAGE(contains(again.err, "/f"), again.err);
  CHECK(cluster.dfs({"cat", "/f"}).out == "first");
  // Also a file of several chunks, whose name is taken before the data is sent or after.
  CHECK(cluster.dfs({"put", "-n", "-", "/f"}, random_bytes(200'000, 1)).code == 4);
  CHECK(cluster.dfs({"cat", "/f"}).out == "first");
}
