#include "relay_group.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <condition_variable>
#include <filesystem>
#include <thread>

using namespace atl;
using namespace atl::runtime;
using namespace atl::runtime::testing;

namespace {

/// Sockets of this process that are connected over TCP.
std::size_t connected_sockets() {
  std::size_t count = 0;
  std::error_code failed;
  for (auto& entry : std::filesystem::directory_iterator{"/proc/self/fd", failed}) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    auto fd = std::stoi(entry.path().filename().string());
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        (peer.ss_family == AF_INET || peer.ss_family == AF_INET6))
      ++count;
  }
  return count;
}

role_info relay_role(const std::string& name) {
  auto role = role_named(name);
  role.consensus = {"relay", "1.0.0", {1, 1}, {{"quorum", {"2", true}}}};
  role.group = "the group of " + name;
  return role;
}

struct three_nodes {
  explicit three_nodes(const std::vector<std::string>& role_names) {
    std::vector<role_info> roles;
    for (auto& name : role_names)
      roles.push_back(relay_role(name));
    for (spi::replica_id id : {1U, 2U, 3U})
      nodes.push_back(std::make_unique<relay_node>(id, where, roles));
    for (auto& name : role_names)
      for (spi::replica_id from : {1U, 2U, 3U})
        for (spi::replica_id to : {1U, 2U, 3U})
          if (from != to)
            connection_watch{*nodes[from - 1], to, where[to - 1], name}.wait_until_up();
  }

  result<std::string> commit(const std::string& role, std::string command) {
    result<std::string> outcome = fail(errc::internal, "no answer");
    caf::scoped_actor self{*nodes[0]->actors};
    self->request(nodes[0]->replicas[role], std::chrono::seconds{20},
                  submit_command{std::move(command)})
        .receive([&](const envelope& got) { outcome = decode_reply(got.body).value; },
                 [](const caf::error&) {});
    return outcome;
  }

  std::vector<endpoint> where{
      {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}};
  std::vector<std::unique_ptr<relay_node>> nodes;
};

} // namespace

TEST_CASE("two groups on three nodes share the connections between the nodes, and both commit") {
  // Each node connects to two others, with one connection for small messages and one for large
  // ones; both ends of each are in this process.
  constexpr std::size_t expected = 3 * 2 * 2 * 2;
  for (const auto& roles : {std::vector<std::string>{"jobs"}, {"jobs", "locks"}}) {
    CAPTURE(roles.size());
    auto before = connected_sockets();
    three_nodes group{roles};
    for (auto& role : roles)
      for (auto command : {"a", "b", "c"})
        CHECK(group.commit(role, command) == command);
    while (connected_sockets() < before + expected) // the second connections may still be made
      std::this_thread::yield();
    CHECK(connected_sockets() == before + expected);
    for (auto& node : group.nodes)
      CHECK(node->connections->size() == 2);
  }
}

TEST_CASE("a role that another node refuses doesn't hinder the other roles") {
  std::vector<endpoint> where{
      {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}};
  auto other_options = relay_role("locks");
  other_options.consensus.agreed["quorum"] = {"3", false};
  relay_node first{1, where, {relay_role("jobs"), relay_role("locks")}};
  relay_node second{2, where, {relay_role("jobs"), other_options}};
  connection_watch jobs{first, 2, where[1], "jobs"};
  connection_watch locks{first, 2, where[1], "locks"};
  auto reason = locks.wait_until_refused();
  CHECK_MESSAGE(reason.find("quorum") != std::string::npos, reason);
  jobs.wait_until_up();
  CHECK_FALSE(locks.is_up());

  // Once the difference is gone, the role is accepted over the same connection.
  auto corrected = relay_role("locks");
  corrected.replica = 2;
  second.description->set_role(corrected);
  locks.wait_until_up();
  CHECK(jobs.is_up());
}

TEST_CASE("a replica whose node is asked for a role that it doesn't have is told which it has") {
  std::vector<endpoint> where{
      {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}};
  relay_node first{1, where, {relay_role("jobs"), relay_role("locks")}};
  relay_node second{2, where, {relay_role("jobs")}};
  connection_watch locks{first, 2, where[1], "locks"};
  auto reason = locks.wait_until_refused();
  CHECK_MESSAGE(reason.find("doesn't have the role 'locks'; it has: jobs") != std::string::npos,
                reason);
}

TEST_CASE("a connection is closed when its last subscriber leaves") {
  std::vector<endpoint> where{
      {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}};
  relay_node second{2, where, {}};
  auto before = connected_sockets();
  {
    relay_node first{1, where, {}};
    connection_watch one{first, 2, where[1], "jobs"};
    {
      connection_watch another{first, 2, where[1], "locks"};
      another.wait_until_up();
      CHECK(first.connections->size() == 1);
    }
    CHECK(first.connections->size() == 1);
    one.wait_until_up();
    CHECK(connected_sockets() == before + 2);
  }
  while (connected_sockets() > before)
    std::this_thread::yield();
}

TEST_CASE("a role that is added to a connected node is introduced before it counts as connected") {
  std::vector<endpoint> where{
      {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}};
  relay_node first{1, where, {relay_role("jobs")}};
  relay_node second{2, where, {relay_role("jobs"), relay_role("locks")}};
  connection_watch{first, 2, where[1], "jobs"}.wait_until_up();
  auto stale = relay_role("locks");
  stale.replica = 2; // the other node's own id
  first.description->set_role(stale);
  connection_watch locks{first, 2, where[1], "locks"};
  CHECK(locks.wait_until_refused().find("both locks 2") != std::string::npos);
  CHECK_FALSE(locks.is_up());
}
