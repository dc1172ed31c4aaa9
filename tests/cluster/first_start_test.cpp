#include "change_tracer.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <random>
#include <signal.h>

/// A node that is killed during its first start held no data yet: it must start the
/// next time, whatever was left. ATOLL_EVERY_CALL=1 tries all moments; otherwise a sample is tried.
namespace {

/// What a node logs once its first start has made all its files: a master that founds its group
/// makes them after the node serves.
struct milestone {
  std::string log_line;
  std::vector<std::string> arguments; ///< of the node's program
};
const milestone storage_serves{"msg=\"serves\"", {}};
const milestone master_takes_part{"msg=\"is candidate", {"--found-group"}};
constexpr std::size_t sample_size = 25;

/// The calls to kill at: all, or a random one of each of several equal parts.
std::vector<std::size_t> kill_points(std::size_t calls) {
  std::vector<std::size_t> all;
  if (std::getenv("ATOLL_EVERY_CALL") != nullptr || calls <= sample_size) {
    for (std::size_t n = 1; n <= calls; ++n)
      all.push_back(n);
    return all;
  }
  std::mt19937_64 random{std::random_device{}()};
  for (std::size_t part = 0; part < sample_size; ++part) {
    auto first = part * calls / sample_size;
    auto next = (part + 1) * calls / sample_size;
    all.push_back(first + 1 + random() % (next - first));
  }
  return all;
}

void kill_during_first_start(const std::string& node, const milestone& made) {
  cluster_shape shape;
  shape.storages = 1;
  shape.copies = 1;
  test_cluster cluster{shape};
  traced_run first{{program("dfsd").string(), "--config", cluster.config_of(node).string()},
                   cluster.folder() / "data",
                   cluster.folder() / (node + ".log"),
                   made.log_line};
  first.words.insert(first.words.end(), made.arguments.begin(), made.arguments.end());
  auto forget = [&] {
    std::filesystem::remove_all(cluster.folder() / "data");
    std::filesystem::remove(first.log);
  };
  auto calls = run_until_change(first, 0);
  if (!calls) {
    MESSAGE("programs can't be traced here, so nothing was tried: " << read_file(first.log));
    return;
  }
  REQUIRE(*calls > 20);
  auto tried = kill_points(*calls);
  MESSAGE(node << ": killed at these of " << *calls
               << " calls that change files: " << fmt::format("{}", fmt::join(tried, " ")));
  for (auto call : tried) {
    CAPTURE(node);
    CAPTURE(call);
    forget();
    run_until_change(first, call);
    std::filesystem::remove(first.log);
    cluster.start(node, made.arguments);
    eventually("the node serves, or has ended", [&] {
      return cluster.log_of(node).find(made.log_line) != std::string::npos ||
             !cluster.is_running(node);
    });
    REQUIRE_MESSAGE(cluster.is_running(node), cluster.log_of(node));
    if (call != tried.back())
      cluster.kill(node, SIGKILL);
  }
  // Afterwards the node works like any other.
  cluster.up();
  auto bytes = random_bytes(200'000, 1);
  CHECK(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  CHECK(cluster.dfs({"cat", "/f"}).out == bytes);
}

} // namespace

TEST_CASE("a master that is killed at any moment of its first start serves after its second "
          "start") {
  kill_during_first_start("master-1", master_takes_part);
}

TEST_CASE("a storage node that is killed at any moment of its first start serves after its "
          "second start") {
  kill_during_first_start("storage-1", storage_serves);
}

/// Otherwise a member of the group would begin empty, and differ from the others.
TEST_CASE(
    "a master that is killed at any moment of its first start from a backup begins from it all "
    "the same") {
  cluster_shape shape;
  shape.storages = 1;
  shape.copies = 1;
  shape.files = "inline_limit = \"1KiB\"";
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "text").code == 0);
  auto backup = (cluster.folder() / "backup").string();
  REQUIRE(cluster.dfs({"admin", "backup", backup}).code == 0);
  cluster.kill("storage-1", SIGKILL);
  cluster.kill("master-1", SIGKILL);
  const std::vector<std::string> restoring{"--restore", backup};
  traced_run first{{program("dfsd").string(), "--config", cluster.config_of("master-1").string()},
                   cluster.folder() / "data",
                   cluster.folder() / "master-1.log",
                   master_takes_part.log_line};
  first.words.insert(first.words.end(), restoring.begin(), restoring.end());
  auto forget = [&] {
    std::filesystem::remove_all(cluster.folder() / "data");
    std::filesystem::remove(first.log);
  };
  forget();
  auto calls = run_until_change(first, 0);
  if (!calls) {
    MESSAGE("programs can't be traced here, so nothing was tried: " << read_file(first.log));
    return;
  }
  std::size_t with_data = 0;
  for (auto call : kill_points(*calls)) {
    CAPTURE(call);
    forget();
    run_until_change(first, call);
    std::filesystem::remove(first.log);
    cluster.start("master-1", restoring);
    auto log_has = [&](std::string_view part) {
      return cluster.log_of("master-1").find(part) != std::string::npos;
    };
    eventually("the master serves, or has ended", [&] {
      return log_has(master_takes_part.log_line) || !cluster.is_running("master-1");
    });
    if (!cluster.is_running("master-1")) { // it has its state already
      REQUIRE_MESSAGE(log_has("--restore is for an empty data folder"), cluster.log_of("master-1"));
      ++with_data;
      cluster.start("master-1");
    }
    CHECK(cluster.dfs({"cat", "/f"}).out == "text");
    cluster.kill("master-1", SIGKILL);
  }
  CHECK(with_data > 0);
}
