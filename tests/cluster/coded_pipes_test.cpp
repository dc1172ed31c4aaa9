#include "contains.hpp"
#include "large_files.hpp"
#include "small_disk.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

/// Content of large chunks of an erasure code that comes from a pipe, with real processes.
namespace {

namespace fs = std::filesystem;

cluster_shape coded_cluster(int storages) {
  cluster_shape shape;
  shape.storages = storages;
  shape.recovery = "reed_solomon";
  shape.files = "chunk_size = \"64MiB\"\ninline_limit = 0\ndead_after = \"10m\"\ngrace = \"10m\"";
  return shape;
}

/// A `dfs put` of a named pipe to /piped. Chunks are kept in a folder of the test.
class piped_put {
 public:
  piped_put(const test_cluster& cluster, const fs::path& spool_folder) {
    auto pipe = (cluster.folder() / "pipe").string();
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    put_ =
        start_program({"/usr/bin/env", "TMPDIR=" + spool_folder.string(), program("dfs").string(),
                       "--quiet", "--cluster", cluster.folder().string(), "put", pipe, "/piped"});
    pipe_ = ::open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(pipe_ >= 0);
    fs::remove(pipe);
  }
  piped_put(const piped_put&) = delete;
  piped_put& operator=(const piped_put&) = delete;
  ~piped_put() { ::close(pipe_); }

  /// Writes the next bytes of a file into the pipe.
  void send(std::ifstream& from, std::uint64_t bytes) {
    std::vector<char> part(mebibyte);
    while (bytes > 0) {
      from.read(part.data(), static_cast<std::streamsize>(std::min(bytes, mebibyte)));
      auto left = std::string_view{part.data(), static_cast<std::size_t>(from.gcount())};
      REQUIRE_FALSE(left.empty());
      bytes -= left.size();
      while (!left.empty()) {
        auto sent = ::write(pipe_, left.data(), left.size());
        REQUIRE(sent > 0);
        left.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
  }
  ended_program finish() {
    ::close(std::exchange(pipe_, -1));
    return wait_with_peak(put_);
  }

 private:
  pid_t put_ = 0;
  int pipe_ = -1;
};

/// The storage nodes to which a fragment is being written.
std::vector<std::string> writing_nodes(const test_cluster& cluster) {
  std::vector<std::string> writing;
  for (auto& node : cluster.names()) {
    std::error_code ignored;
    fs::directory_iterator begun{cluster.data_of(node) / "chunks" / "tmp", ignored};
    if (!ignored && begun != fs::directory_iterator{})
      writing.push_back(node);
  }
  return writing;
}

} // namespace

TEST_CASE(
    "a pipe into large chunks takes little memory, and what was read of it is sent again when "
    "two storage nodes are killed in the middle of a chunk") {
  test_cluster cluster{coded_cluster(8)};
  cluster.up();
  auto original = cluster.folder() / "original", copy = cluster.folder() / "copy";
  auto spool_folder = cluster.folder() / "spool";
  fs::create_directory(spool_folder);
  constexpr auto size = 208 * mebibyte + 12'345; // three chunks and a part
  write_random_file(original, size);
  std::ifstream from{original, std::ios::binary};
  piped_put put{cluster, spool_folder};
  auto sent = 64 * mebibyte;
  put.send(from, sent); // now the first chunk is complete, and is sent
  std::vector<std::string> writing;
  for (; sent < size && writing.size() < 2; writing = writing_nodes(cluster)) {
    auto next = std::min(mebibyte, size - sent);
    put.send(from, next);
    sent += next;
  }
  // A chunk that has lost two fragments has too few.
  REQUIRE(writing.size() >= 2);
  for (auto& victim : {writing[0], writing[1]})
    cluster.kill(victim, SIGKILL);
  put.send(from, size - sent);
  auto ended = put.finish();
  CHECK(ended.code == 0);
  check_peak("put from a pipe", ended.peak);
  CHECK(fs::is_empty(spool_folder));
  REQUIRE(cluster.dfs({"get", "/piped", copy.string()}).code == 0);
  CHECK(is_same_content(original, copy));
}

TEST_CASE("a pipe whose chunks there is no room to keep is refused, and says what to do") {
  if (!small_disk::possible()) {
    MESSAGE("no disk can be mounted here");
    return;
  }
  test_cluster cluster{coded_cluster(6)};
  cluster.up();
  small_disk disk{cluster.folder() / "small", 8};
  auto put = run_program({"/usr/bin/env", "TMPDIR=" + (cluster.folder() / "small").string(),
                          program("dfs").string(), "--cluster", cluster.folder().string(), "put",
                          "-", "/piped"},
                         random_bytes(24 * mebibyte, 1));
  CHECK_MESSAGE(put.code == 7, put.err);
  CHECK_MESSAGE(contains(put.err, (cluster.folder() / "small").string()), put.err);
  CHECK_MESSAGE(contains(put.err, "TMPDIR"), put.err);
  CHECK(cluster.dfs({"stat", "/piped"}).code == 3);
}
