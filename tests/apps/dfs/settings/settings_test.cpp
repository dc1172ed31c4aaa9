#include "settings/settings.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>

/// The settings in a node's file, and the errors for contradicting settings.
using namespace dfs;

namespace {

const std::string good = R"([node]
name = "n"
roles = ["master", "storage"]
data = "data"
bulk = "127.0.0.1:9002"

[cluster]
name = "reef"

[[masters]]
id = 1
name = "n"
address = "127.0.0.1:9001"
)";

struct outcome {
  cluster_settings cluster;
  node_settings node;
  std::string problem;
};

outcome read(const std::string& text) {
  temporary_folder folder;
  auto file = folder / "node.toml";
  std::ofstream{file} << text;
  auto config = atl::config::load(file, node_schema());
  if (!config)
    return {{}, {}, config.error().message};
  auto cluster = read_cluster(*config);
  if (!cluster)
    return {{}, {}, cluster.error().message};
  auto node = read_node(*config, *cluster);
  if (!node)
    return {{}, {}, node.error().message};
  return {*cluster, *node, {}};
}

void refused(const std::string& text, const std::string& place, const std::string& why) {
  auto got = read(text);
  CAPTURE(got.problem);
  CHECK(got.problem.find("node.toml:" + place) != std::string::npos);
  CHECK(got.problem.find(why) != std::string::npos);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("a short configuration file is completed with defaults") {
  auto it = read(good);
  REQUIRE(it.problem == "");
  CHECK(it.cluster.name == "reef");
  CHECK(it.cluster.chunk_bytes == 8 << 20);
  CHECK(it.cluster.durability == durability::fsync);
  CHECK_FALSE(it.cluster.masters[0].joins);
  CHECK(it.node.is_master());
  CHECK(it.node.is_storage());
  CHECK(to_string(it.node.control) == "127.0.0.1:9001");
  CHECK(to_string(it.node.control_listen) == "127.0.0.1:9001");
  CHECK(to_string(it.node.bulk_listen) == "127.0.0.1:9002");
  CHECK(it.node.data.is_absolute());
}

TEST_CASE("a node's public address may differ from the address that it listens on") {
  auto it = read(replaced(good, "data = \"data\"",
                          "data = \"data\"\nlisten = \"0.0.0.0:1\"\nbulk_listen = \"[::]:2\""));
  REQUIRE(it.problem == "");
  CHECK(to_string(it.node.control) == "127.0.0.1:9001");
  CHECK(to_string(it.node.control_listen) == "0.0.0.0:1");
  CHECK(to_string(it.node.bulk) == "127.0.0.1:9002");
  CHECK(to_string(it.node.bulk_listen) == "[::]:2");
}

TEST_CASE("a storage node reads all again within the period and the rate of its file") {
  auto it = read(good);
  CHECK(it.node.scrub_period == std::chrono::hours{14 * 24});
  CHECK(it.node.scrub_rate_bytes == 20 << 20);
  it = read(good + std::string{"\n[scrub]\nperiod = \"1h\"\nrate = \"1MiB\"\n"});
  REQUIRE(it.problem == "");
  CHECK(it.node.scrub_period == std::chrono::hours{1});
  CHECK(it.node.scrub_rate_bytes == 1 << 20);
  CHECK(read(good + std::string{"\n[scrub]\nperiod = \"0s\"\n"}).problem != "");
}

TEST_CASE("a storage node's endpoint is at node.listen, or at any port of the host of its bulk "
          "address") {
  auto storage =
      replaced(good, "\"n\"\nroles = [\"master\", \"storage\"]", "\"s\"\nroles = [\"storage\"]");
  auto with = [&](const std::string& keys) {
    auto it = read(replaced(storage, "data = \"data\"", "data = \"data\"\n" + keys));
    CHECK(it.problem == "");
    return to_string(it.node.control) + " " + to_string(it.node.control_listen);
  };
  CHECK(with("") == "127.0.0.1:0 127.0.0.1:0");
  CHECK(with("bulk_listen = \"0.0.0.0:2\"") == "127.0.0.1:0 0.0.0.0:0");
  CHECK(with("listen = \"127.0.0.2:9009\"") == "127.0.0.2:9009 127.0.0.2:9009");
  CHECK(with("listen = \"0.0.0.0:9009\"") == "127.0.0.1:9009 0.0.0.0:9009");
}

TEST_CASE("contradictions are reported with their place") {
  auto second = "\n[[masters]]\nid = 1\nname = \"m\"\naddress = \"127.0.0.1:9009\"\n";
  refused(good + second, "16:", "is the id of n already");
  refused(replaced(good, "\"n\"\nroles", "\"other\"\nroles"), "3:", "isn't among the masters");
  refused(replaced(good, "[\"master\", \"storage\"]", "[\"storage\"]"), "3:", "must have the role");
  refused(replaced(good, "bulk = \"127.0.0.1:9002\"\n", ""), "3:", "needs node.bulk");
  refused(replaced(good, "127.0.0.1:9002", "127.0.0.1"), "5:", "port");
  refused(replaced(good, "bulk = ", "listen = \"127.0.0.1\"\nbulk = "), "5:", "port");
  refused(replaced(good, "[\"master\", \"storage\"]\ndata = \"data\"\nbulk",
                   "[\"master\"]\ndata = \"data\"\nbulk_listen"),
          "5:", "only a storage node listens there");
  refused(good + "\n[links]\nheartbeat = \"3s\"\n", "16:", "at least twice");
  refused(good + "\n[files]\nchunk_size = 100000\n", "16:", "multiple of 64KiB");
  refused(good + "\n[names]\ncache = \"1MiB\"\n", "16:", "at least 8MiB");
  refused(good + "\n[names]\ncache = \"much\"\n", "16:", "a size such as");
  refused(good + "\n[files]\nsession_expiry = \"1m\"\n[client]\ntimeout = \"50s\"\n",
          "16:", "twice client.timeout");
  refused(replaced(good, "id = 1", "id = 1\njoins = true"), "12:", "needs one at its birth");
  refused(replaced(good, "name = \"reef\"", "name = \"re ef\""), "8:", "is no name");
}

TEST_CASE("the former name of a key is refused with the name that it has now") {
  refused(good + "[files]\nhousekeeping = \"10s\"\n", "15:1",
          "'files.housekeeping' was renamed; write 'files.collection_interval'");
  refused(good + "[client]\npatience = \"2s\"\n", "15:1",
          "'client.patience' was renamed; write 'client.refusal_timeout'");
  auto got = read(good + "[files]\ncollection_interval = \"3s\"\n");
  CHECK(got.problem == "");
  CHECK(got.cluster.collection_interval == std::chrono::seconds{3});
}

TEST_CASE("the storage nodes that get new chunks are a pool with the keys of a dispatcher's") {
  auto plain = read(good).cluster.placement;
  CHECK(plain.outliers.failures == 5);
  CHECK(plain.slow_start == std::chrono::seconds{10});
  CHECK(plain.balancer_timeout == std::chrono::seconds{1});
  auto got = read(good + "[placement]\neject_after = 7\neject_for = \"8s\"\nslow_start = \"9s\"\n"
                         "balancer_timeout = \"11ms\"\n");
  CHECK(got.problem == "");
  auto& pool = got.cluster.placement;
  CHECK(pool.outliers.failures == 7);
  CHECK(pool.outliers.ejection == std::chrono::seconds{8});
  CHECK(pool.slow_start == std::chrono::seconds{9});
  CHECK(pool.balancer_timeout == std::chrono::milliseconds{11});
}

TEST_CASE("an address of all interfaces is refused as a public address in every notation") {
  for (auto host : {"0.0.0.0", "*", "[::]", "[0:0:0:0:0:0:0:0]", "[::ffff:0.0.0.0]", "0", "0.0"}) {
    CAPTURE(host);
    auto address = std::string{host} + ":9001";
    refused(replaced(good, "127.0.0.1:9001", address), "13:", "node.listen");
    refused(replaced(good, "127.0.0.1:9002", address), "5:", "node.bulk_listen");
  }
  for (auto host : {"127.0.0.1", "[::1]", "localhost", "0.0.0.0.example.org", "10.0.0.0"})
    CHECK_MESSAGE(read(replaced(good, "127.0.0.1:9002", std::string{host} + ":9002")).problem == "",
                  host);
  auto anywhere = replaced(good, "bulk = ", "bulk_listen = \"*:9002\"\nbulk = ");
  refused(anywhere, "5:", "write 0.0.0.0 or [::]");
}

TEST_CASE("a storage node may have several disks, and a master keeps its data in one folder") {
  auto storage =
      replaced(good, "\"n\"\nroles = [\"master\", \"storage\"]", "\"s\"\nroles = [\"storage\"]");
  auto with = [&](const std::string& value) {
    return replaced(storage, "data = \"data\"", "data = " + value);
  };
  auto it = read(with("[\"/disk1/dfs\", \"/disk2/dfs\"]"));
  CHECK(it.problem == "");
  CHECK(it.node.data == "/disk1/dfs");
  CHECK(read(with("[\"data\"]")).problem == "");
  refused(with("[]"), "4:8", "names no folder");
  refused(with("[\"/disk1\", \"/disk2\", \"/disk1/\"]"), "4:8",
          "names /disk1 and /disk1: each disk needs a folder of its own");
  refused(with("[\"/disk1\", \"/disk1/dfs\"]"), "4:8", "names /disk1 and /disk1/dfs");
  refused(with("[\"/disk1\", \"/\"]"), "4:8", "the root of all folders");
  refused(with("[\"/disk1\", 2]"), "4:19", "takes a text");
  refused(with("2"), "4:8", "takes a text in quotes, or a list of text values");
  refused(replaced(good, "data = \"data\"", "data = [\"/disk1\", \"/disk2\"]"), "4:8",
          "names 2 folders, and the role 'master' keeps its data in one");
  CHECK(read(replaced(good, "data = \"data\"", "data = [\"/disk1\"]")).problem == "");
}

TEST_CASE("an unusable data folder is reported before anything is created") {
  refused(replaced(good, "data = \"data\"", "data = \"/\""), "4:", "the root of all folders");
  refused(replaced(good, "data = \"data\"", "data = \"../../../../../..\""), "4:", "the root");
  refused(replaced(good, "data = \"data\"", "data = \"node.toml\""), "4:", "is no folder");
  refused(replaced(good, "data = \"data\"", "data = \"\""), "4:", "must name a path");
  refused(replaced(good, "data = \"data\"", "data = \"~/dfs\""), "4:", "write the path out");
  refused(replaced(good, "data = \"data\"", "data = \"$HOME/dfs\""), "4:", "write the path out");
  refused(good + "[plugins]\npath = [\"${HOME}/plugins\"]\n", "15:", "write the path out");
}
