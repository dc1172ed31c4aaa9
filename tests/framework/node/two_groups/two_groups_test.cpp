#include "contains.hpp"
#include "node_processes.hpp"
#include "two_groups.hpp"

#include <atoll/node/service_connection.hpp>
#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/system.hpp>

#include <doctest/doctest.h>

#include <algorithm>

/// Two replicated services on the same three nodes, as real processes.
using namespace two_groups;

namespace {

/// A client of both groups, which also asks single nodes about themselves.
class client {
 public:
  explicit client(const node_processes& nodes)
      : jobs_{address(nodes, jobs)}, locks_{address(nodes, locks)}, nodes_{nodes} {
    atl::runtime::node_info self;
    self.cluster = "pair";
    self.name = "a test";
    asks_.emplace(actors_, atl::runtime::node_client::settings{self});
  }

  /// @returns the count of the group's commands
  std::string run(const std::string& role) {
    auto& group = role == "jobs" ? jobs_ : locks_;
    auto answer = group->run(0, {});
    auto count = answer ? atl::decode_answer(*answer) : answer;
    return count ? *count : count.error().message;
  }
  /// The state of a node's role; none while the node doesn't answer.
  std::optional<atl::runtime::role_status> status(int node, const std::string& role) {
    auto status = asks_->status(nodes_.address_of(node));
    if (!status)
      return std::nullopt;
    auto found = std::ranges::find(status->roles, role, &atl::runtime::role_status::role);
    return found == status->roles.end() ? std::nullopt : std::optional{*found};
  }
  bool serves(int node, const std::string& role) {
    auto now = status(node, role);
    return now && now->health == atl::runtime::health::serving;
  }
  atl::result<std::string> tell_to_fail(int node) {
    return asks_->ask(nodes_.address_of(node), "locks", fail_now, {});
  }

 private:
  static atl::node::service_address address(const node_processes& nodes,
                                            const atl::node::service_description& service) {
    auto to = read_service_address(nodes.cluster_file(), service);
    REQUIRE_MESSAGE(to.has_value(), to.error().message);
    return *to;
  }

  atl::node::service_connection jobs_;
  atl::node::service_connection locks_;
  const node_processes& nodes_;
  atl::runtime::system actors_{1, {"pair", "a test", {}, {}}};
  std::optional<atl::runtime::node_client> asks_;
};

/// Three nodes whose roles all serve.
struct running_nodes {
  running_nodes() {
    nodes.start(1, {"--found-group"});
    nodes.start(2);
    nodes.start(3);
    for (int node : {1, 2, 3})
      wait_until_serving(node);
  }
  void wait_until_serving(int node) {
    for (auto role : {"jobs", "locks"})
      eventually(std::string{role} + " serves at member-" + std::to_string(node),
                 [&] { return asks.serves(node, role); });
  }

  node_processes nodes;
  client asks{nodes};
};

} // namespace

TEST_CASE("two groups on three nodes share the nodes' connections, and a member that was killed "
          "comes back to both") {
  running_nodes it;
  for (auto count : {"1", "2"})
    for (auto role : {"jobs", "locks"})
      CHECK(it.asks.run(role) == count);
  // Each node connects to two others, with one connection for small messages and one for large
  // ones, and each has two ends.
  constexpr std::size_t expected = 3 * 2 * 2 * 2;
  eventually("the second connections are made",
             [&] { return it.nodes.connected_sockets() >= expected; });
  CHECK(it.nodes.connected_sockets() == expected);

  it.nodes.kill(2);
  for (auto role : {"jobs", "locks"})
    CHECK(it.asks.run(role) == "3");
  it.nodes.start(2);
  it.wait_until_serving(2);
  it.nodes.kill(3); // what follows needs member-2
  for (auto role : {"jobs", "locks"})
    CHECK(it.asks.run(role) == "4");
}

TEST_CASE("an actor that throws takes down its role in that process with the reason, and not the "
          "other role, and the other members are told") {
  running_nodes it;
  CHECK_FALSE(it.asks.tell_to_fail(1).has_value());
  std::string reason = "the actor of the role 'locks' ended without having been told to";
  eventually("member-1 says that its role failed", [&] {
    auto now = it.asks.status(1, "locks");
    if (!now || now->health != atl::runtime::health::failed)
      return false;
    CHECK_MESSAGE(now->text.starts_with(reason), now->text);
    return true;
  });
  eventually("member-1 logs it",
             [&] { return contains(it.nodes.log_of(1), "the role 'locks' is down: " + reason); });
  for (int other : {2, 3})
    eventually("member-" + std::to_string(other) + " is told", [&] {
      return contains(it.nodes.log_of(other), "the role 'locks' of member-1 is down: " + reason);
    });
  eventually("the other role serves", [&] { return it.asks.serves(1, "jobs"); });
  for (auto role : {"jobs", "locks"})
    CHECK(it.asks.run(role) == "1");
  auto refused = it.asks.tell_to_fail(1).error().message;
  CHECK_MESSAGE(contains(refused, "the role 'locks' of member-1 is down"), refused);

  it.nodes.kill(2); // the group of the other role needs member-1
  CHECK(it.asks.run("jobs") == "2");
}
