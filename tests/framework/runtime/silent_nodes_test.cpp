#include "fake_group.hpp"
#include "frozen_node.hpp"

#include <atoll/runtime/io_thread_actor.hpp>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <optional>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace atl;
using namespace atl::runtime;
using namespace atl::runtime::testing;

namespace {

/// Longer than any call of these tests may take: whoever waits for a silent node fails.
connection_settings patient() {
  auto timing = quick();
  timing.failure_timeout = std::chrono::hours{1};
  return timing;
}
constexpr milliseconds call_timeout{20'000};

/// A port that accepts connections in the kernel alone. If `is_full`, not even that: callers hear
/// nothing, as from a machine that is switched off.
class mute_port {
 public:
  explicit mute_port(bool is_full) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(fd_, plain, size) == 0);
    REQUIRE(::listen(fd_, is_full ? 0 : 16) == 0);
    REQUIRE(::getsockname(fd_, plain, &size) == 0);
    where = {"127.0.0.1", ntohs(address.sin_port)};
    for (int i = 0; is_full && i < 4; ++i) {
      held_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(held_.back(), plain, size);
    }
  }
  ~mute_port() {
    for (int each : held_)
      ::close(each);
    ::close(fd_);
  }
  int listener() const { return fd_; }

  endpoint where;

 private:
  int fd_;
  std::vector<int> held_;
};

/// A server of another protocol.
class web_server {
 public:
  web_server() : thread_{[this] { serve(); }} {}
  ~web_server() {
    ::shutdown(port_.listener(), SHUT_RDWR);
    thread_.join();
  }
  const endpoint& where() const { return port_.where; }

 private:
  void serve() {
    constexpr std::string_view page = "HTTP/1.1 400 Bad Request\r\n\r\n";
    for (int fd = 0; (fd = ::accept(port_.listener(), nullptr, nullptr)) >= 0; ::close(fd))
      (void)::send(fd, page.data(), page.size(), MSG_NOSIGNAL);
  }

  mute_port port_{false};
  std::thread thread_;
};

/// A node that takes calls, never answers them, and answers all else.
class slow_endpoint : public io_thread_actor {
 public:
  slow_endpoint(caf::actor_config& config, std::atomic<int>* pings)
      : io_thread_actor{config}, pings_{pings} {}
  caf::behavior make_behavior() override {
    return {[this](const envelope& message) -> caf::result<envelope> {
      switch (message.kind) {
      case message_kind::handshake:
        return make_reply({encode(handshake_response{
                               describe(named("slow"), {role_named("master")})->info(), {}}),
                           {},
                           false});
      case message_kind::calls:
        return caf::delegated<envelope>{};
      case message_kind::ping:
        ++*pings_;
        [[fallthrough]];
      default:
        return make_reply({std::string{}, {}, false});
      }
    }};
  }

 private:
  std::atomic<int>* pings_;
};

} // namespace

TEST_CASE("a new client isn't held up by a host that is silent, unreachable, mute or no node") {
  std::optional<mute_port> port;
  std::optional<web_server> web;
  endpoint stranger;
  SUBCASE("switched off") {
    stranger = port.emplace(true).where;
  }
  SUBCASE("frozen before it accepts") {
    stranger = port.emplace(false).where;
  }
  SUBCASE("unreachable") {
    stranger = {"240.0.0.1", 7111};
  }
  SUBCASE("a server of another protocol") {
    stranger = web.emplace().where();
  }
  SUBCASE("a host without an address") {
    stranger = {"no-such-host.invalid", 7111};
  }
  fake_group group{1, 0, call_timeout, patient(), {stranger}};
  for (auto kind : {message_kind::command, message_kind::query}) {
    auto answer = group.client->call(kind, "a");
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    CHECK(*answer == "echo a");
  }
  auto answer = group.client->call_any(message_kind::local_query, "a");
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  CHECK(*answer == "local");
}

TEST_CASE("what any replica can answer is asked of another one while one says nothing") {
  fake_group group{3, 0, call_timeout, patient(), {}, 0};
  auto any = [&] { return group.client->call_any(message_kind::local_query, "who"); };
  CHECK(*any() == "local");
  auto asked = [&](std::size_t node) { return group.nodes[node]->asked() > 0; };
  auto first = asked(0) ? 0u : asked(1) ? 1u : 2u;
  SUBCASE("though it is alive") {
    // Which one is asked depends on what was answered late; each is silent in turn.
    std::size_t asked_in_vain = 0;
    for (int round = 0; round < 100 && asked_in_vain == 0; ++round)
      for (auto& node : group.nodes) {
        auto set_silent = [&](bool is_silent) {
          std::lock_guard lock{node->script->mutex};
          node->script->silent = is_silent;
        };
        auto before = node->asked();
        set_silent(true);
        CHECK(*any() == "local");
        asked_in_vain += node->asked() - before;
        set_silent(false);
      }
    CHECK(asked_in_vain > 0);
  }
  SUBCASE("because it is frozen") {
    frozen_while_alive one{group.nodes[first]->actors};
    CHECK(*any() == "local");
    auto second = first != 0 && asked(0) ? 0u : first != 1 && asked(1) ? 1u : 2u;
    frozen_while_alive another{group.nodes[second]->actors};
    CHECK(*any() == "local");
    CHECK(group.nodes[3 - first - second]->asked() > 0);
  }
}

TEST_CASE("a client whose replica freezes turns to another one, and back when it is needed") {
  fake_group group{2, 0, call_timeout, patient()};
  CHECK(*group.client->call(message_kind::command, "a") == "echo a");
  REQUIRE(group.nodes[0]->asked() == 1);
  {
    frozen_while_alive frozen{group.nodes[0]->actors};
    CHECK(*group.client->call(message_kind::command, "b") == "echo b");
    CHECK(group.nodes[1]->asked() == 1);
  }
  group.nodes[1].reset();
  CHECK(*group.client->call(message_kind::command, "c") == "echo c");
}

TEST_CASE("a replica that is slow and alive is not taken for frozen") {
  std::atomic<int> pings{0};
  runtime::system slow{1};
  auto endpoint_actor = spawn_on_io_thread<slow_endpoint>(*slow, &pings);
  endpoint where{"127.0.0.1", free_port()};
  REQUIRE(slow.publish(endpoint_actor, where).has_value());
  std::promise<result<std::string>> answer;
  {
    fake_group group{1, 0, call_timeout, patient(), {where}};
    group.client->call(message_kind::command, "slow",
                       [&](result<std::string> it) { answer.set_value(std::move(it)); });
    while (pings < 5)
      std::this_thread::yield();
    CHECK(group.nodes[0]->asked() == 0);
  }
  CHECK_FALSE(answer.get_future().get().has_value());
  caf::anon_send_exit(endpoint_actor, caf::exit_reason::user_shutdown);
}
