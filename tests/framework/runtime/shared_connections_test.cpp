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

/// Two addresses of nodes, and a third one for the replica that never starts.
std::vector<endpoint> free_addresses() {
  return {{"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}, {"127.0.0.1", free_port()}};
}

/// A node that accepts the role `jobs`, refuses the role `locks`, and records what it is sent.
class half_willing_node {
 public:
  explicit half_willing_node(const endpoint& where) {
    self_ = named("node-2");
    self_.roles = {relay_role("jobs"), relay_role("locks")};
    for (auto& role : self_.roles)
      role.replica = 2;
    endpoint_ = actors_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const envelope& message) { return answer(message); }};
    });
    REQUIRE(actors_.publish(endpoint_, where).has_value());
  }
  ~half_willing_node() { caf::anon_send_exit(endpoint_, caf::exit_reason::user_shutdown); }

  /// @returns the marks of the next heartbeat that has any; none if only handshakes come
  std::vector<role_mark> wait_for_marks() {
    std::unique_lock lock{mutex_};
    marks_.clear();
    handshakes_ = 0;
    changed_.wait(lock, [this] { return !marks_.empty() || handshakes_ > 20; });
    return marks_;
  }

 private:
  envelope answer(const envelope& message) {
    std::lock_guard lock{mutex_};
    changed_.notify_all();
    if (message.kind == message_kind::handshake) {
      ++handshakes_;
      handshake_response response{self_, {{"locks", {errc::refused, "another group"}}}};
      return make_reply({encode(response), {}, false});
    }
    if (message.kind == message_kind::ping)
      marks_ = decode_marks(message.body).value_or(std::vector<role_mark>{});
    return make_reply({std::string{}, {}, false});
  }

  node_info self_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t handshakes_ = 0;
  std::vector<role_mark> marks_;
  runtime::system actors_{1}; // ends before what its actors use
  caf::actor endpoint_;
};

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

TEST_CASE("the heartbeats of a node's other roles are sent while one of its roles is refused") {
  auto where = free_addresses();
  half_willing_node second{where[1]};
  relay_node first{1, where, {relay_role("jobs"), relay_role("locks")}};
  connection_watch{first, 2, where[1], "locks"}.wait_until_refused();
  auto marks = second.wait_for_marks();
  REQUIRE(marks.size() == 1);
  CHECK(marks[0].role == "jobs");
  CHECK(marks[0].replica == 1);
}

TEST_CASE("a role that goes down at a connected node, and comes back, is noticed by the others") {
  auto where = free_addresses();
  auto locks_of_second = relay_role("locks");
  locks_of_second.replica = 2;
  relay_node first{1, where, {relay_role("jobs"), relay_role("locks")}};
  relay_node second{2, where, {relay_role("jobs"), relay_role("locks")}};
  connection_watch jobs{first, 2, where[1], "jobs"};
  connection_watch locks{first, 2, where[1], "locks"};
  jobs.wait_until_up();
  locks.wait_until_up();

  caf::anon_send(second.node_endpoint, drop_role{"locks", "its disk failed"});
  second.description->remove_role("locks");
  CHECK(locks.wait_until_refused() ==
        "refused: the role 'locks' of node-2 is down: its disk failed");
  CHECK(jobs.is_up());

  caf::anon_send(second.node_endpoint, adopt_role{locks_of_second, nullptr, nullptr});
  second.description->set_role(locks_of_second);
  locks.wait_until_up(2);
  CHECK(jobs.is_up());
}

TEST_CASE("a connected node whose role changes its group is refused, and one whose role starts a "
          "new incarnation is told of again") {
  auto where = free_addresses();
  relay_node first{1, where, {relay_role("locks")}};
  relay_node second{2, where, {relay_role("locks")}};
  connection_watch locks{first, 2, where[1], "locks"};
  locks.wait_until_up();

  auto moved = second.description->info().roles.front();
  ++moved.mark.incarnation;
  second.description->set_role(moved);
  locks.wait_until_up(2);

  moved.group = "another group";
  second.description->set_role(moved);
  auto reason = locks.wait_until_refused();
  CHECK_MESSAGE(reason.find("another group") != std::string::npos, reason);
}

TEST_CASE("large messages get a connection of their own once a role with a replica uses a "
          "connection") {
  auto where = free_addresses();
  relay_node second{2, where, {}};
  auto before = connected_sockets();
  relay_node first{1, where, {}};
  connection_watch store{first, 2, where[1], "store"};
  store.wait_until_up();
  CHECK(connected_sockets() == before + 2); // both ends are in this process
  auto jobs_of_first = relay_role("jobs");
  jobs_of_first.replica = 1;
  first.description->set_role(jobs_of_first);
  while (connected_sockets() < before + 4)
    std::this_thread::yield();
  CHECK(store.is_up());
}
