#include "free_port.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/group_client.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/system.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <mutex>

using namespace atl;
using namespace atl::runtime;

namespace {

using std::chrono::milliseconds;

connection_settings quick() {
  return {milliseconds{50}, milliseconds{300}, milliseconds{5}, milliseconds{20}};
}

node_info named(std::string name, std::string role) {
  node_info info;
  info.cluster = "reef";
  info.name = std::move(name);
  info.role = std::move(role);
  return info;
}

/// A replica with scripted responses that records the calls it receives.
class scripted_replica : public caf::event_based_actor {
 public:
  struct script {
    std::mutex mutex;
    std::deque<reply> answers; ///< one for each call; after the last one calls are echoed
    bool silent = false;
    std::vector<std::string> asked;
    std::size_t envelopes = 0;
    std::vector<known_replica> group;
  };

  scripted_replica(caf::actor_config& config, std::shared_ptr<script> given)
      : caf::event_based_actor{config}, script_{std::move(given)} {}

  caf::behavior make_behavior() override {
    return {[this](client_calls& request) {
              std::lock_guard lock{script_->mutex};
              ++script_->envelopes;
              std::vector<client_response> answers;
              for (auto& call : request.calls) {
                script_->asked.push_back(call.body);
                if (script_->silent)
                  continue;
                reply answer{"echo " + call.body, {}, false};
                if (!script_->answers.empty()) {
                  answer = script_->answers.front();
                  script_->answers.pop_front();
                }
                answers.push_back({call.id, answer});
              }
              tell(this, caf::actor_cast<caf::actor>(current_sender()),
                   envelope{message_kind::answers, 0, encode(answers)});
            },
            [this](const query_state& request) {
              std::lock_guard lock{script_->mutex};
              script_->asked.push_back(request.query);
              return make_reply(
                  {std::string{request.level == spi::read_level::local ? "local" : "latest"},
                   {},
                   false});
            },
            [this](get_group) {
              return make_reply({encode(script_->group), {}, false});
            }};
  }

 private:
  std::shared_ptr<script> script_;
};

struct fake_node {
  explicit fake_node(std::string name) : where{"127.0.0.1", free_port()} {
    replica = actors->spawn<scripted_replica>(script);
    node_endpoint = spawn_on_io_thread<node_endpoint_actor>(
        *actors, node_endpoint_actor::settings{named(name, "master"), replica, nullptr});
    if (auto published = actors.publish(node_endpoint, where); !published)
      throw std::runtime_error(published.error().message);
  }
  ~fake_node() {
    caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(replica, caf::exit_reason::user_shutdown);
  }
  std::size_t asked() {
    std::lock_guard lock{script->mutex};
    return script->asked.size();
  }

  std::shared_ptr<scripted_replica::script> script = std::make_shared<scripted_replica::script>();
  runtime::system actors{quick(), 1};
  endpoint where;
  caf::actor replica;
  caf::actor node_endpoint;
};

struct fake_group {
  std::vector<std::unique_ptr<fake_node>> nodes;
  runtime::system actors{quick(), 1};
  std::unique_ptr<group_client> client;

  explicit fake_group(int count, int known = 0, milliseconds timeout = milliseconds{3000},
                      std::optional<std::size_t> first = {}) {
    for (int i = 0; i < count; ++i)
      nodes.push_back(std::make_unique<fake_node>(fmt::format("node-{}", i)));
    group_client::settings settings;
    settings.self = named("a client", "client");
    settings.timing = quick();
    settings.timeout = timeout;
    settings.advice = "start them";
    settings.refusal_timeout = milliseconds{100};
    for (int i = 0; i < (known == 0 ? count : known); ++i)
      settings.members.push_back(
          {fmt::format("node-{}", i), nodes[static_cast<std::size_t>(i)]->where});
    if (first)
      settings.first = address(*first);
    client = std::make_unique<group_client>(actors, settings);
  }
  std::string address(std::size_t node) { return to_string(nodes[node]->where); }
};

reply problem(errc code, std::string hint = {}, bool in_doubt = false) {
  return {fail(code, "not now"), std::move(hint), in_doubt};
}

} // namespace

TEST_CASE("a command is answered, and concurrent calls share a message") {
  fake_group group{1};
  CHECK(*group.client->call(message_kind::command, "first") == "echo first");
  std::mutex mutex;
  std::condition_variable changed;
  int done = 0;
  for (int i = 0; i < 500; ++i)
    group.client->call(message_kind::command, fmt::format("c{}", i),
                       [&, i](result<std::string> answer) {
                         CHECK(*answer == fmt::format("echo c{}", i));
                         std::lock_guard lock{mutex};
                         ++done;
                         changed.notify_all();
                       });
  std::unique_lock lock{mutex};
  changed.wait(lock, [&] { return done == 500; });
  CHECK(group.nodes[0]->script->envelopes < 250);
}

TEST_CASE("a client follows the hint to the leader, and keeps using that leader") {
  fake_group group{3};
  group.nodes[0]->script->answers = {problem(errc::unavailable, group.address(2))};
  CHECK(*group.client->call(message_kind::command, "a") == "echo a");
  CHECK(group.nodes[2]->asked() == 1);
  CHECK(*group.client->call(message_kind::command, "b") == "echo b");
  CHECK(group.nodes[2]->asked() == 2);
  CHECK(group.nodes[1]->asked() == 0);
}

TEST_CASE("a client calls the member first that its settings name, with commands and queries") {
  for (std::size_t first = 0; first < 3; ++first) {
    fake_group group{3, 0, milliseconds{3000}, first};
    CHECK(*group.client->call(message_kind::command, "a") == "echo a");
    CHECK(*group.client->call(message_kind::query, "b") == "echo b");
    CHECK(group.nodes[first]->asked() == 2);
  }
}

TEST_CASE("a first member that is gone, or no member, is only tried") {
  fake_group group{3, 0, milliseconds{3000}, 1};
  group.nodes[1].reset();
  CHECK(*group.client->call(message_kind::command, "a") == "echo a");
  fake_group other{3, 2, milliseconds{3000}, 2};
  CHECK(*other.client->call(message_kind::command, "a") == "echo a");
  CHECK(other.nodes[0]->asked() == 1);
}

TEST_CASE("a client tells which replica answered its last command, or its queries before that") {
  fake_group group{3, 0, milliseconds{3000}, 1};
  CHECK(group.client->leader() == "");
  CHECK(group.client->call(message_kind::local_query, "a").has_value());
  CHECK(group.client->leader() == "");
  CHECK(group.client->call(message_kind::query, "b").has_value());
  CHECK(group.client->leader() == group.address(1));
  group.nodes[1]->script->answers = {problem(errc::unavailable, group.address(2))};
  CHECK(group.client->call(message_kind::command, "c").has_value());
  CHECK(group.client->leader() == group.address(2));
  CHECK(group.client->call(message_kind::query, "d").has_value());
  CHECK(group.nodes[1]->script->asked.back() == "d");
  CHECK(group.client->leader() == group.address(2));
}

TEST_CASE("a client learns of replicas that its settings don't name") {
  fake_group group{2, 1};
  group.nodes[0]->script->group = {{2, "node-1", group.nodes[1]->where}};
  CHECK(*group.client->call(message_kind::command, "a") == "echo a");
  // The client has processed the members of the first response once this later call returns.
  CHECK(*group.client->call(message_kind::command, "b") == "echo b");
  group.nodes[0]->script->answers = {problem(errc::unavailable, group.address(1))};
  CHECK(*group.client->call(message_kind::command, "c") == "echo c");
  CHECK(group.nodes[1]->asked() == 1);
}

TEST_CASE("a client leaves a silent replica for another, and reports that the command may have "
          "taken effect") {
  fake_group group{2};
  group.nodes[0]->script->silent = true;
  CHECK(*group.client->call(message_kind::command, "a") == "echo a");
  CHECK(group.nodes[0]->asked() == 1);
  CHECK(group.nodes[1]->asked() == 1);
  group.nodes[1]->script->silent = true;
  auto lost = group.client->call(message_kind::command, "b");
  REQUIRE_FALSE(lost.has_value());
  CHECK(lost.error().code == errc::timeout);
}

TEST_CASE("a client leaves a disconnected node at once") {
  fake_group group{2};
  CHECK(*group.client->call(message_kind::command, "a") == "echo a");
  group.nodes[0].reset();
  CHECK(*group.client->call(message_kind::command, "b") == "echo b");
  CHECK(group.nodes[1]->asked() == 1);
}

TEST_CASE("a call that reaches no replica fails before its timeout, and names all replicas that "
          "were tried") {
  fake_group group{2, 0, std::chrono::hours{24}};
  std::vector<std::string> addresses{group.address(0), group.address(1)};
  group.nodes.clear();
  auto answer = group.client->call(message_kind::command, "a");
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == errc::unavailable);
  auto& said = answer.error().message;
  for (auto& address : addresses)
    CHECK_MESSAGE(said.find(address) != said.npos, said);
  CHECK_MESSAGE(said.find("connection refused") != said.npos, said);
  CHECK_MESSAGE(said.ends_with("; start them"), said);
}

TEST_CASE("a call that one replica can't complete fails with the names of the silent replicas") {
  fake_group group{3};
  std::vector<std::string> gone{group.address(0), group.address(2)};
  group.nodes[0].reset();
  group.nodes[2].reset();
  group.nodes[1]->script->answers.assign(1000, problem(errc::unavailable));
  auto answer = group.client->call(message_kind::command, "a");
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == errc::unavailable);
  auto& said = answer.error().message;
  for (auto& address : gone)
    CHECK_MESSAGE(said.find(address) != said.npos, said);
  CHECK_MESSAGE(said.find("not now") != said.npos, said);
  CHECK_MESSAGE(said.find("2 of 3 masters don't answer, so a majority is missing") != said.npos,
                said);
  CHECK_MESSAGE(said.find("start them") == said.npos, said);
}

TEST_CASE("a group that keeps refusing ends the call after the refusal timeout as surely not "
          "executed") {
  fake_group group{1};
  group.nodes[0]->script->answers.assign(1000, problem(errc::refused));
  auto refused = group.client->call(message_kind::command, "a");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::refused);
}

TEST_CASE("a refusal does not make an earlier attempt of unknown outcome certain") {
  fake_group group{1};
  auto& answers = group.nodes[0]->script->answers;
  answers.assign(1000, problem(errc::refused));
  answers.front() = problem(errc::timeout, {}, true);
  auto outcome = group.client->call(message_kind::command, "a");
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == errc::timeout);
  CHECK(outcome.error().message.find("; the command may still have taken effect") !=
        std::string::npos);
}

TEST_CASE("a refusal for lack of space ends the call at once without attempts at other replicas") {
  fake_group group{2, 0, std::chrono::hours{24}};
  group.nodes[0]->script->answers = {problem(errc::no_space)};
  auto refused = group.client->call(message_kind::command, "a");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::no_space);
  CHECK(group.nodes[1]->asked() == 0);
}

TEST_CASE("a busy replica is asked again for longer than a refusing replica") {
  fake_group group{1};
  // Each pause takes 5 ms at least, and `refusal_timeout` is 100 ms.
  group.nodes[0]->script->answers.assign(30, problem(errc::busy));
  CHECK(*group.client->call(message_kind::command, "a") == "echo a");
  CHECK(group.nodes[0]->asked() == 31);
}

TEST_CASE("each replica can be queried individually") {
  fake_group group{3};
  group.nodes[1].reset();
  auto answers = group.client->call_each(message_kind::query, "who");
  REQUIRE(answers.size() == 3);
  CHECK(*answers[0] == "echo who");
  CHECK_FALSE(answers[1].has_value());
  CHECK(*answers[2] == "echo who");
}

TEST_CASE("a local query is answered by any replica, and other replicas are tried when one is "
          "down") {
  fake_group group{3};
  group.nodes[0].reset();
  group.nodes[2].reset();
  CHECK(*group.client->call(message_kind::local_query, "who") == "local");
  CHECK(group.nodes[1]->asked() == 1);
}

TEST_CASE("calls that are in progress when the client is closed get a response") {
  fake_group group{1};
  group.nodes[0]->script->silent = true;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<errc> code;
  group.client->call(message_kind::command, "a", [&](result<std::string> answer) {
    std::lock_guard lock{mutex};
    code = answer ? errc::internal : answer.error().code;
    changed.notify_all();
  });
  group.client.reset();
  std::unique_lock lock{mutex};
  changed.wait(lock, [&] { return code.has_value(); });
  CHECK((*code == errc::timeout || *code == errc::unavailable));
}
