// Connections to the bulk port that don't belong to the cluster: none reaches a request, and those
// who belong aren't disturbed.
#include "bulk/bulk_protocol.hpp"
#include "bulk_fixture.hpp"

#include <atoll/core/open_files.hpp>

using namespace dfs;
using namespace dfs::test;
using atl::errc;
using atl::net::refusal;

namespace {

/// Two nodes and a client that share a secret.
struct closed_cluster {
  atl::net::cluster_secret secret = fresh_secret();
  bulk_cluster nodes{2, secret};

  bulk_options member() const {
    auto options = caller_options();
    options.secret = secret;
    return options;
  }
  std::uint64_t refused(std::size_t node, refusal why) {
    return nodes[node].server->stats().handshakes.refused[static_cast<std::size_t>(why)];
  }
  /// A new client writes a chunk to both nodes and reads it from each.
  void must_serve() {
    auto key = key_of(++written_);
    auto data = pattern(300'000, written_);
    CHECK(outcomes(write_chunk(nodes.targets(), key.chunk, data, durability::replicated,
                               member())) == "ok ok");
    for (auto& each : nodes.nodes) {
      bulk_connection over{each->endpoint(), member()};
      CHECK(fetch(over, key, 0, data.size()) == data);
    }
  }

 private:
  std::uint64_t written_ = 0;
};

} // namespace

TEST_CASE("nodes and clients with the same secret write through a pipeline, read and copy") {
  closed_cluster cluster;
  cluster.must_serve();
  REQUIRE(put(*cluster.nodes[0].at.store, key_of(100), "data"));
  bulk_connection over{cluster.nodes[1].endpoint(), cluster.member()};
  CHECK(over.copy_fragment(key_of(100, 1), cluster.nodes[0].endpoint(), 0));
  CHECK(fetch(over, key_of(100, 1), 0, 10) == "data");
}

TEST_CASE("bytes that are no handshake close the connection and leave callers undisturbed") {
  closed_cluster cluster;
  auto at = cluster.nodes[0].endpoint();
  std::string bytes;
  SUBCASE("HTTP") {
    bytes = "GET / HTTP/1.1\r\nHost: node\r\n\r\n";
  }
  SUBCASE("a frame of the bulk protocol") {
    bytes = wire::encode_frame(wire::op::probe, "");
  }
  SUBCASE("random bytes") {
    bytes = pattern(100'000);
  }
  for (int i = 0; i < 20; ++i) {
    stranger one{at};
    one.send(bytes);
    CHECK(one.receive_all().empty());
  }
  CHECK(cluster.refused(0, refusal::malformed) == 20);
  CHECK(cluster.nodes[0].server->stats().connections == 0);
  cluster.must_serve();
}

TEST_CASE("1,000 silent connections keep no caller out") {
  REQUIRE(atl::raise_open_files_limit() > 2500);
  closed_cluster cluster;
  auto& server = *cluster.nodes[0].server;
  std::vector<std::unique_ptr<stranger>> strangers;
  for (int i = 0; i < 1000; ++i)
    strangers.push_back(std::make_unique<stranger>(server.listens_at()));
  cluster.must_serve();
  wait_until([&] {
    auto seen = server.stats().handshakes;
    return seen.displaced + seen.timed_out >= 1000 - 256;
  });
  cluster.must_serve();
}

TEST_CASE("a node keeps no more strangers than it may") {
  bulk_node node;
  node.options.unproved_max = 12;
  node.start();
  std::vector<std::unique_ptr<stranger>> strangers;
  for (int i = 0; i < 20; ++i)
    strangers.push_back(std::make_unique<stranger>(node.endpoint()));
  wait_until([&] { return node.server->stats().handshakes.displaced == 20 - 12; });
  CHECK(strangers[7]->receive_all().empty());
}

TEST_CASE("a caller of another cluster, without the secret or with another one is refused with "
          "the reason, for every request") {
  closed_cluster cluster;
  auto& node = cluster.nodes[0];
  REQUIRE(put(*node.at.store, key_of(50), "data"));
  auto options = cluster.member();
  auto why = refusal::secret;
  std::vector<std::string> texts;
  SUBCASE("another cluster") {
    options.self.cluster = "production";
    why = refusal::cluster;
    texts = {"'test'", "'production'"};
  }
  SUBCASE("another secret") {
    options.secret = fresh_secret();
    texts = {"node-1 (storage) and client have different secrets"};
  }
  SUBCASE("no secret") {
    options.secret = {};
    texts = {"node-1 (storage) demands the cluster's secret", "cluster.secret_file"};
  }
  bulk_connection over{node.endpoint(), options};
  auto refused = over.report_damage(key_of(50));
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::refused);
  texts.push_back(atl::to_string(node.endpoint()));
  for (const auto& text : texts)
    CHECK_MESSAGE(refused.error().message.find(text) != std::string::npos, refused.error().message);
  CHECK(fetch(over, key_of(50), 0, 4) == "refused");
  CHECK(over.copy_fragment(key_of(51), node.endpoint(), 0).error().code == errc::refused);
  CHECK(over.probe().error().code == errc::refused);
  std::vector<write_target> targets = {node.target()};
  CHECK(outcomes(over.write_chunk(targets, key_of(52).chunk, pattern(8 * 1024 * 1024),
                                  durability::fsync)) == "refused");
  wait_until([&] { return cluster.refused(0, why) == 5; });
  CHECK(node.at.store->list().size() == 1);
  cluster.must_serve();
}

TEST_CASE("a node with another secret fails a pipeline there, with the reason") {
  closed_cluster cluster;
  bulk_node other{"other"};
  other.options.secret = fresh_secret();
  other.start();
  auto targets = cluster.nodes.targets();
  targets.push_back(other.target());
  auto results =
      write_chunk(targets, key_of(1).chunk, pattern(300'000), durability::fsync, cluster.member());
  REQUIRE(outcomes(results) == "ok ok refused");
  CHECK(results->at(2).outcome.error().message.find("different secrets") != std::string::npos);
  CHECK(other.at.store->list().empty());
}

TEST_CASE("without a secret a node listens on its own machine only") {
  bulk_node node;
  node.options.listen.host = "0.0.0.0";
  node.start();
  CHECK(node.endpoint().host == "127.0.0.1");
  bulk_node open;
  open.options.listen.host = "192.0.2.1";
  auto refused = bulk_server::start(*open.at.store, open.options);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::refused);
  CHECK(refused.error().message.find("cluster.secret_file") != std::string::npos);
}

TEST_CASE("clients leave a part of the connections to other nodes") {
  bulk_node node;
  node.options.connections_max = 4;
  node.start();
  REQUIRE(put(*node.at.store, key_of(1), "data"));
  std::vector<std::unique_ptr<bulk_connection>> clients;
  auto open = [&](std::string_view role) {
    auto options = caller_options();
    options.self.role = role;
    clients.push_back(std::make_unique<bulk_connection>(node.endpoint(), options));
    return fetch(*clients.back(), key_of(1), 0, 4);
  };
  for (int i = 0; i < 3; ++i)
    CHECK(open("client") == "data");
  CHECK(open("client") == "busy");
  CHECK(open("storage") == "data");
  CHECK(open("storage") == "busy");
}

TEST_CASE("a node that joins a group refuses the nodes of another one") {
  bulk_cluster nodes{2};
  nodes[0].server->join_group("first");
  CHECK(outcomes(write_chunk(nodes.targets(), key_of(1).chunk, "data", durability::fsync,
                             caller_options())) == "ok ok");
  nodes[1].server->join_group("second");
  nodes.nodes[0]->server.reset(); // closes its connections with the other one
  nodes[0].options.self.group = "first";
  nodes[0].start();
  CHECK(outcomes(write_chunk(nodes.targets(), key_of(2).chunk, "data", durability::fsync,
                             caller_options())) == "ok refused");
  nodes[0].server->join_group("second");
  CHECK(outcomes(write_chunk(nodes.targets(), key_of(3).chunk, "data", durability::fsync,
                             caller_options())) == "ok ok");
}
