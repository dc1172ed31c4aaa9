#include "test_cluster.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <signal.h>
#include <unistd.h>

namespace {

/// Sends bytes to a port, and ignores the outcome.
void throw_at(std::uint16_t port, const std::string& bytes) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      auto put = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (put <= 0)
        break;
      sent += static_cast<std::size_t>(put);
    }
  }
  ::close(fd);
}

outcome check(const test_cluster& cluster, const std::string& node) {
  return run_program(
      {program("dfsd").string(), "--config", cluster.config_of(node).string(), "--check"});
}

void append(const std::filesystem::path& file, const std::string& text) {
  write_file(file, read_file(file) + text);
}

} // namespace

TEST_CASE("random bytes on any port harm no node") {
  test_cluster cluster;
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    for (auto* node : {"master-1", "storage-1", "storage-2", "storage-3"})
      throw_at(cluster.port_of(node), random_bytes(1 + seed * 997, seed));
  throw_at(cluster.port_of("master-1"), "GET / HTTP/1.1\r\n\r\n");
  throw_at(cluster.port_of("storage-1"), "GET / HTTP/1.1\r\n\r\n");
  for (auto& node : cluster.names())
    CHECK(cluster.is_running(node));
  CHECK(cluster.dfs({"cat", "/f"}).out == "hello");
  CHECK(cluster.dfs({"put", "-", "/g"}, "more").code == 0);
}

TEST_CASE(
    "a balancer that makes a mistake is named, fails the request alone, and ends no process") {
  struct {
    std::string mistake;
    std::string message;
  } const cases[] = {
      {"throws", "'unruly' threw: out of sorts"},
      {"hangs", "'unruly' hangs: a call took more than 1000 ms"},
      {"picks_nonsense", "'unruly' picked member number 98 of 3"},
  };
  cluster_shape shape;
  shape.plugin_path = "path = [" ATOLL_PLUGIN_FOLDERS "]";
  for (auto& [mistake, message] : cases) {
    CAPTURE(mistake);
    auto option = "mistake = \"" + mistake + "\"";
    {
      auto reading = shape;
      reading.reads = "unruly";
      reading.reads_options = option;
      test_cluster cluster{reading};
      cluster.up();
      REQUIRE(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
      auto read = cluster.dfs({"cat", "/f"});
      CHECK(read.code == 1);
      CHECK_MESSAGE(read.err.find(message) != std::string::npos, read.err);
      CHECK(cluster.dfs({"ls", "/"}).code == 0);
    }
    auto storing = shape;
    storing.placement = "unruly";
    storing.placement_options = option;
    test_cluster cluster{storing};
    cluster.up();
    for (int request = 0; request < 2; ++request) {
      auto stored = cluster.dfs({"put", "-", "/f"}, "hello");
      CHECK(stored.code != 0);
      CHECK_MESSAGE(stored.err.find(message) != std::string::npos, stored.err);
    }
    CHECK(cluster.is_running("master-1"));
    CHECK(cluster.dfs({"mkdir", "/still there"}).code == 0);
    CHECK(cluster.status().dump().find("'unruly'") != std::string::npos);
  }
}

TEST_CASE("`dfsd --check` prints every value and its origin, and starts nothing") {
  test_cluster cluster;
  auto checked = check(cluster, "storage-1");
  REQUIRE_MESSAGE(checked.code == 0, checked.err);
  CHECK(checked.out.find("storage-1.toml:4:") != std::string::npos);
  CHECK(checked.out.find("cluster.toml:2:") != std::string::npos);
  CHECK(checked.out.find("# default") != std::string::npos);
  CHECK(checked.out.find("two_phase_commit 1.0.0") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(cluster.data_of("storage-1")));
}

TEST_CASE("a cache of the name space above the machine's memory is refused for a master") {
  test_cluster cluster;
  append(cluster.config_of("master-1"), "\n[names]\ncache = \"900TiB\"\n");
  auto checked = check(cluster, "master-1");
  CHECK(checked.code == 1);
  CHECK_MESSAGE(checked.err.find("names.cache: is 900TiB") != std::string::npos, checked.err);
}

TEST_CASE("every error of a configuration is reported with its place, and nothing starts") {
  test_cluster cluster;
  auto file = cluster.config_of("storage-1").string();
  auto refused = [&](const std::string& appended, const std::string& expected) {
    CAPTURE(appended);
    auto before = read_file(file);
    append(file, appended);
    auto checked = check(cluster, "storage-1");
    CHECK(checked.code == 1);
    CHECK_MESSAGE(checked.err.find(expected) != std::string::npos, checked.err);
    CHECK(checked.err.find("storage-1.toml:") != std::string::npos);
    write_file(file, before);
  };
  refused("weigth = 2.0\n", "weight");
  refused("weight = \"heavy\"\n", "node.weight");
  refused("weight = -1.0\n", "node.weight");
  refused("zone = [\n", "toml:");
  refused("[placement]\nbalancer = \"round_robbin\"\n", "round_robin");
  refused("[placement]\nbalancer = \"two_phase_commit\"\n", "two_phase_commit");
  refused("[consensus]\noptions = { hartbeat = \"1s\" }\n", "heartbeat");
  refused("[consensus]\noptions = { heartbeat = 3 }\n", "heartbeat");
  refused("[recovery]\noptions = { copies = 99 }\n", "copies");
  refused("[links]\nfailure_timeout = \"150ms\"\n", "links.failure_timeout");
}

TEST_CASE("a plugin that is not in the plugin path is named, with the folders that were searched") {
  cluster_shape shape;
  shape.plugin_path = "path = [\"nowhere\"]";
  test_cluster cluster{shape};
  auto checked = check(cluster, "master-1");
  CHECK(checked.code == 1);
  CHECK(checked.err.find("nowhere") != std::string::npos);
}

TEST_CASE("a plugin whose factory fails is refused with the same message by the check and at "
          "the start") {
  cluster_shape shape;
  shape.storages = 1;
  shape.plugin_path = "path = ['" LOADER_TEST_PLUGINS "', " ATOLL_PLUGIN_FOLDERS "]";
  struct {
    const char* plugin;
    const char* says;
  } const fails[] = {
      {"throws", "refused its set-up: index and seed contradict each other"},
      {"throws_number", "threw something that is no std::exception"},
      {"nothing", "created nothing"},
  };
  for (auto& [plugin, says] : fails) {
    CAPTURE(plugin);
    shape.placement = plugin;
    test_cluster cluster{shape};
    auto checked = check(cluster, "master-1");
    CHECK(checked.code == 1);
    CHECK(checked.out == "");
    auto place = checked.err.find("cluster.toml:");
    REQUIRE_MESSAGE(place != std::string::npos, checked.err);
    auto error_of = checked.err.substr(place);
    CHECK(error_of.find(": placement.balancer: ") != std::string::npos);
    CHECK_MESSAGE(error_of.find(says) != std::string::npos, error_of);
    cluster.start("master-1");
    CHECK(cluster.wait_for_exit("master-1") == 1);
    CHECK_MESSAGE(cluster.log_of("master-1").find(error_of) != std::string::npos,
                  cluster.log_of("master-1"));
  }
}

TEST_CASE(
    "options that a protocol finds contradictory are refused by the check, with their place") {
  cluster_shape shape;
  shape.consensus_options = "heartbeat = \"2s\"";
  test_cluster cluster{shape};
  auto checked = check(cluster, "storage-1");
  CHECK(checked.code == 1);
  CHECK_MESSAGE(checked.err.find("consensus.plugin: ") != std::string::npos, checked.err);
  CHECK_MESSAGE(checked.err.find("twice the heartbeat") != std::string::npos, checked.err);
  CHECK_MESSAGE(checked.err.find("cluster.toml:") != std::string::npos, checked.err);
}

TEST_CASE("a library that ends the process while it is loaded is named by the check and in the "
          "log") {
  cluster_shape shape;
  shape.storages = 1;
  shape.placement = "aborts";
  shape.plugin_path = "path = ['" LOADER_TEST_PLUGINS "', " ATOLL_PLUGIN_FOLDERS "]";
  test_cluster cluster{shape};
  auto checked = check(cluster, "master-1");
  CHECK(checked.code == 1);
  CHECK_MESSAGE(checked.err.find("/aborts.so: crashed while loading (signal ABRT)") !=
                    std::string::npos,
                checked.err);
  CHECK(checked.err.find("placement.balancer: ") != std::string::npos);
  auto quiet = cluster.config_of("master-1");
  write_file(quiet, read_file(quiet) + "log_level = \"error\"\n");
  cluster.start("master-1");
  CHECK(cluster.wait_for_exit("master-1") != 0);
  CHECK_MESSAGE(cluster.log_of("master-1").find("/aborts.so: loading") != std::string::npos,
                cluster.log_of("master-1"));
}

TEST_CASE("a node logs the signals that log rotation sends, and keeps running") {
  cluster_shape shape;
  shape.storages = 1;
  test_cluster cluster{shape};
  cluster.start("master-1");
  auto says = [&](const std::string& what) {
    return cluster.log_of("master-1").find(what) != std::string::npos;
  };
  eventually("the master serves", [&] { return says("msg=\"serves\""); });
  for (auto [number, name] :
       {std::pair{SIGHUP, "SIGHUP"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}}) {
    cluster.kill("master-1", number);
    eventually(fmt::format("{} is logged", name),
               [&, name = name] { return says(fmt::format("goes on after {}:", name)); });
    CHECK(cluster.is_running("master-1"));
  }
  cluster.kill("master-1", SIGTERM);
  CHECK(cluster.wait_for_exit("master-1") == 0);
  CHECK(says("stops on signal 15"));
}

TEST_CASE("a node whose port is in use reports the port and ends") {
  test_cluster cluster;
  cluster.up();
  auto other = cluster.folder() / "other.toml";
  for (auto* node : {"master-1", "storage-1"}) {
    auto text = read_file(cluster.config_of(node));
    auto data = text.find("data/");
    write_file(other, text.substr(0, data) + "data/other-" + text.substr(data + 5));
    auto second = run_program({program("dfsd").string(), "--config", other.string()});
    CHECK(second.code == 1);
    CHECK_MESSAGE(second.err.find(fmt::format("127.0.0.1:{}", cluster.port_of(node))) !=
                      std::string::npos,
                  second.err);
  }
  CHECK(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
}

TEST_CASE("a node refuses another node's data folder, and a data folder that is in use") {
  test_cluster cluster;
  cluster.up();
  auto in_use =
      run_program({program("dfsd").string(), "--config", cluster.config_of("storage-1").string()});
  CHECK(in_use.code == 1);
  CHECK(in_use.err.find("in use") != std::string::npos);
  for (auto* node : {"storage-1", "storage-2"}) {
    cluster.kill(node, SIGTERM);
    cluster.wait_for_exit(node);
  }
  std::filesystem::rename(cluster.data_of("storage-1"), cluster.folder() / "data/swap");
  std::filesystem::rename(cluster.data_of("storage-2"), cluster.data_of("storage-1"));
  cluster.start("storage-1");
  CHECK(cluster.wait_for_exit("storage-1") == 1);
  CHECK(cluster.log_of("storage-1").find("'storage-2'") != std::string::npos);
}

TEST_CASE("a storage node that restarts with an empty disk is refused with that reason") {
  test_cluster cluster;
  cluster.up();
  cluster.kill("storage-1", SIGKILL);
  std::filesystem::remove_all(cluster.data_of("storage-1"));
  cluster.wait_for_health("storage-1", "down");
  cluster.start("storage-1");
  CHECK(cluster.wait_for_exit("storage-1") == 1);
  CHECK_MESSAGE(cluster.log_of("storage-1").find("data folder") != std::string::npos,
                cluster.log_of("storage-1"));
}

TEST_CASE("a node of another cluster, or with other protocol settings, is refused with the "
          "setting's name") {
  cluster_shape shape;
  shape.masters = 3;
  test_cluster cluster{shape};
  auto changed = shape;
  changed.consensus_options = "max_in_flight = 512";
  cluster.start("master-1");
  cluster.start("master-2");
  eventually("the nodes have read their configuration", [&] {
    return cluster.log_of("master-1").find("msg=\"serves\"") != std::string::npos &&
           cluster.log_of("master-2").find("msg=\"serves\"") != std::string::npos;
  });
  cluster.write_configuration(changed);
  cluster.start("master-3");
  eventually("the difference is reported", [&] {
    auto log = cluster.log_of("master-1") + cluster.log_of("master-3");
    return log.find("max_in_flight = 512") != std::string::npos &&
           log.find("max_in_flight = 1024") != std::string::npos;
  });
}

TEST_CASE("a client that reaches no master names the addresses that it tried, and ends before "
          "its timeout") {
  cluster_shape shape;
  shape.client = "refusal_timeout = \"1s\"";
  test_cluster cluster{shape};
  for (auto& words :
       std::vector<std::vector<std::string>>{{"ls", "/"}, {"status"}, {"put", "-", "/f"}}) {
    auto tried = cluster.dfs(words, "x");
    CHECK(tried.code == 5);
    CHECK_MESSAGE(tried.err.find(fmt::format("127.0.0.1:{}", cluster.port_of("master-1"))) !=
                      std::string::npos,
                  tried.err);
  }
}

TEST_CASE("an invalid command line is answered with its usage") {
  CHECK(run_program({program("dfs").string()}).code == 2);
  CHECK(run_program({program("dfs").string(), "frobnicate"}).code == 2);
  CHECK(run_program({program("dfs").string(), "--help"}).code == 0);
  auto without = run_program({program("dfs").string(), "ls", "/"});
  CHECK(without.code == 2);
  CHECK(without.err.find("--cluster") != std::string::npos);
  CHECK(run_program({program("dfsd").string(), "--help"}).code == 0);
  CHECK(run_program({program("dfsd").string(), "--config", "/nonexistent.toml"}).code == 2);
  CHECK(run_program({program("dfsd").string()}).code == 2);
}
