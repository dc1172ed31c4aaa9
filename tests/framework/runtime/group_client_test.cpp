#include "fake_group.hpp"

#include <doctest/doctest.h>

#include <condition_variable>

using namespace atl;
using namespace atl::runtime;
using namespace atl::runtime::testing;

namespace {

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

TEST_CASE("a client sends its first command to the member that its settings name") {
  for (std::size_t first = 0; first < 3; ++first) {
    fake_group group{3, 0, long_timeout, quick(), {}, first};
    CHECK(*group.client->call(message_kind::command, "a") == "echo a");
    CHECK(group.nodes[first]->asked() == 1);
  }
}

TEST_CASE("a first member that is gone, or no member, is only tried") {
  fake_group group{3, 0, long_timeout, quick(), {}, 1};
  group.nodes[1].reset();
  CHECK(*group.client->call(message_kind::command, "a") == "echo a");
  fake_group other{3, 2, long_timeout, quick(), {}, 2};
  CHECK(*other.client->call(message_kind::command, "a") == "echo a");
  CHECK(other.nodes[0]->asked() == 1);
}

TEST_CASE("a client tells which replica answered its last command") {
  fake_group group{3, 0, long_timeout, quick(), {}, 1};
  CHECK(group.client->leader() == "");
  CHECK(group.client->call(message_kind::query, "a").has_value());
  CHECK(group.client->leader() == "");
  CHECK(group.client->call(message_kind::command, "b").has_value());
  CHECK(group.client->leader() == group.address(1));
  group.nodes[1]->script->answers = {problem(errc::unavailable, group.address(2))};
  CHECK(group.client->call(message_kind::command, "c").has_value());
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
  fake_group group{2, 0, short_timeout, hasty()};
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
  fake_group group{3, 0, short_timeout};
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

TEST_CASE("what no replica can answer fails with the reason, at once if none would ever do it") {
  fake_group group{2};
  auto unknown = group.client->call_any(static_cast<message_kind>(90), "a");
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == errc::invalid);
  for (auto& node : group.nodes)
    node.reset();
  auto answer = group.client->call_any(message_kind::local_query, "a");
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == errc::unavailable);
  CHECK_MESSAGE(answer.error().message.starts_with("no master answers: "), answer.error().message);
  CHECK_MESSAGE(answer.error().message.ends_with("; start them"), answer.error().message);
}

TEST_CASE("a single replica that answers nothing is named when the time is over") {
  fake_group group{1, 0, milliseconds{400}, hasty()};
  group.nodes[0]->script->silent = true;
  auto answer = group.client->call_any(message_kind::local_query, "a");
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == errc::unavailable);
  CHECK_MESSAGE(answer.error().message.find("didn't answer in time") != std::string::npos,
                answer.error().message);
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
