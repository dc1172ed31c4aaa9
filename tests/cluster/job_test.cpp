#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <signal.h>
#include <string>

namespace {

/// Words and lines of many lengths that cross the borders of chunks.
std::string make_text(std::size_t bytes) {
  auto drawn = random_bytes(bytes, 7);
  for (auto& byte : drawn)
    byte = "abcdefgh  \n."[static_cast<unsigned char>(byte) % 12];
  return drawn;
}

std::string local(const std::string& command, const std::filesystem::path& file) {
  auto ran =
      run_program({"/bin/sh", "-c", "export LC_ALL=C; " + command + " < '" + file.string() + "'"});
  CHECK(ran.err.empty());
  return ran.out;
}

/// A job whose output the test reads when it wants to: in between, the job waits in its middle,
/// because the pipe is full.
class job_under_way {
 public:
  job_under_way(const test_cluster& cluster, const std::string& what)
      : errors_{cluster.folder() / "job.errors"} {
    auto pipe = (cluster.folder() / "job.pipe").string();
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    process_ = start_program(
        {"/bin/sh", "-c",
         fmt::format("exec '{}' -c '{}' job {} > '{}' 2> '{}'", program("dfs").string(),
                     cluster.folder().string(), what, pipe, errors_.string())});
    from_.open(pipe, std::ios::binary);
    REQUIRE(from_.good());
  }

  void read_some() {
    out_.resize(1000);
    from_.read(out_.data(), static_cast<std::streamsize>(out_.size()));
    REQUIRE(from_.good());
  }
  void read_all() {
    out_.append(std::istreambuf_iterator<char>{from_}, std::istreambuf_iterator<char>{});
  }
  void kill(int signal) const { ::kill(process_, signal); }
  int wait() const { return wait_for(process_); }

  const std::string& out() const { return out_; }
  std::string errors() const { return read_file(errors_); }

 private:
  std::filesystem::path errors_;
  pid_t process_ = 0;
  std::ifstream from_;
  std::string out_;
};

void check_outputs(test_cluster& cluster) {
  auto text = make_text(700'000);
  auto file = cluster.folder() / "text";
  write_file(file, text);
  write_file(cluster.folder() / "small", "a word\nno end");
  write_file(cluster.folder() / "empty", "");
  for (auto* name : {"text", "small", "empty"})
    REQUIRE(
        cluster.dfs({"put", (cluster.folder() / name).string(), "/" + std::string{name}}).code ==
        0);

  auto sums = cluster.dfs({"job", "checksum", "/text"});
  CHECK(sums.out == local("cksum", file).substr(0, local("cksum", file).size() - 1) + " /text\n");
  CHECK(sums.code == 0);
  CHECK(cluster.dfs({"job", "checksum", "/empty"}).out == "4294967295 0 /empty\n");

  // As wc writes them with the names of files, in columns.
  auto counted = run_program(
      {"/bin/sh", "-c", "cd '" + cluster.folder().string() + "' && LC_ALL=C wc text small empty"});
  auto counts = cluster.dfs({"job", "count", "/text", "/small", "/empty"});
  counts.out.erase(std::remove(counts.out.begin(), counts.out.end(), '/'), counts.out.end());
  CHECK(counts.out == counted.out);

  for (auto* pattern : {"ab+c", "^$", "[a-c]{3}.*[[:space:]]h", "a$"}) {
    auto found = cluster.dfs({"job", "grep", "-n", pattern, "/text"});
    CHECK(found.out == local("grep -naE '" + std::string{pattern} + "'", file));
    CHECK(found.code == 0);
  }
  CHECK(cluster.dfs({"job", "grep", "-v", "-i", "B", "/text"}).out == local("grep -vaiE B", file));
  CHECK(cluster.dfs({"job", "grep", "--count", "[a]", "/text", "/small"}).out ==
        "/text:" + local("grep -caE '[a]'", file) + "/small:1\n");
  CHECK(cluster.dfs({"job", "grep", "no", "/small", "/empty"}).out == "/small:no end\n");
  CHECK(cluster.dfs({"job", "grep", "--", "-*[n]", "/small"}).out == "no end\n");
  CHECK(cluster.dfs({"job", "grep", "[en][do]", "/small"}).out == "no end\n");
  auto nothing = cluster.dfs({"job", "grep", "xyz", "/text"});
  CHECK(nothing.code == 1);
  CHECK(nothing.out.empty());
  CHECK(nothing.err.empty());

  auto told = nlohmann::json::parse(cluster.dfs({"--json", "job", "grep", "a", "/text"}).out);
  CHECK(told["files"][0]["matches"] == std::stoull(local("grep -ca a", file)));
  CHECK(told["files"][0]["pieces_at_nodes"] >= 700'000 / (64 << 10));
  CHECK(told["files"][0]["pieces_here"] == 0);
}

void check_bad_input(test_cluster& cluster) {
  REQUIRE(cluster.dfs({"mkdir", "/folder"}).code == 0);
  auto directory = cluster.dfs({"job", "count", "/folder"});
  CHECK(directory.code != 0);
  CHECK(directory.err.find("/folder") != std::string::npos);
  CHECK(directory.err.find("directory") != std::string::npos);
  auto missing = cluster.dfs({"job", "checksum", "/nowhere", "/small"});
  CHECK(missing.code == 3);
  CHECK(missing.err.find("/nowhere") != std::string::npos);
  CHECK(missing.out.find(" 13 /small\n") != std::string::npos); // the others are done
  auto pattern = cluster.dfs({"job", "grep", "(a", "/text"});
  CHECK(pattern.code == 2);
  CHECK(pattern.err == "dfs: the pattern '(a': missing ): (a\n");
  CHECK(cluster.dfs({"job", "grep", "a"}).code == 2);
  CHECK(cluster.dfs({"job", "shred", "/text"}).code == 2);
}

void check_interrupt(test_cluster& cluster) {
  auto file = cluster.folder() / "big";
  write_file(file, make_text(7'000'000));
  REQUIRE(cluster.dfs({"put", file.string(), "/big"}).code == 0);
  job_under_way job{cluster, "grep a /big"};
  job.read_some();
  cluster.kill("storage-1", SIGSTOP); // pieces that it gets from now on are under way
  job.kill(SIGINT);
  cluster.kill("storage-1", SIGCONT);
  job.read_all();
  CHECK(job.wait() == 128 + SIGINT);
  CHECK(job.errors() == "");
  auto whole = local("grep -a a", file);
  CHECK(job.out().size() < whole.size());
  CHECK(whole.starts_with(job.out()));
  // A node answers the cancellation once none of the job's pieces runs there.
  for (std::string node : {"storage-1", "storage-2", "storage-3"})
    eventually(node + " has cancelled the job",
               [&] { return cluster.log_of(node).find(" was cancelled: ") != std::string::npos; });
  CHECK(cluster.dfs({"job", "grep", "--count", "a", "/big"}).out == local("grep -ca a", file));
}

void check_damage(test_cluster& cluster) {
  auto file = cluster.folder() / "text";
  write_file(file, make_text(300'000));
  REQUIRE(cluster.dfs({"put", file.string(), "/text"}).code == 0);
  for (auto& chunk : cluster.chunk_files("storage-1")) {
    auto bytes = read_file(chunk);
    bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 1);
    write_file(chunk, bytes);
  }
  auto expected = local("grep -aE b.d", file);
  eventually("a damaged chunk is found", [&] { // once the balancer picks its node
    CHECK(cluster.dfs({"job", "grep", "b.d", "/text"}).out == expected);
    return cluster.log_of("storage-1").find("it is moved aside") != std::string::npos;
  });
}

void check_kill(test_cluster& cluster) {
  auto file = cluster.folder() / "big";
  write_file(file, make_text(7'000'000));
  REQUIRE(cluster.dfs({"put", file.string(), "/big"}).code == 0);
  job_under_way job{cluster, "grep a /big"};
  job.read_some();
  cluster.kill("storage-2", SIGKILL);
  job.read_all();
  CHECK(job.wait() == 0);
  CHECK(job.errors() == "");
  CHECK(job.out() == local("grep -a a", file));
  auto told = nlohmann::json::parse(cluster.dfs({"--json", "job", "count", "/big"}).out);
  CHECK(told["files"][0]["pieces_here"] == 0); // the other copies are as near
}

} // namespace

TEST_CASE("a job prints what the local tool prints, refuses bad input, and can be interrupted") {
  cluster_shape shape;
  shape.copies = 1;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = 1000";
  shape.links = "heartbeat = \"100ms\"\nfailure_timeout = \"20s\"";
  test_cluster cluster{shape};
  cluster.up();
  check_outputs(cluster);
  check_bad_input(cluster);
  check_interrupt(cluster);
}

TEST_CASE("a job goes on when a chunk is damaged, and when a node is killed in its middle") {
  cluster_shape shape;
  shape.copies = 2;
  test_cluster cluster{shape};
  cluster.up();
  check_damage(cluster);
  check_kill(cluster);
}
