#include "fake_group.hpp"

#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/session_command.hpp>
#include <atoll/runtime/service_client.hpp>

#include <doctest/doctest.h>

#include <future>

using namespace atl;
using namespace atl::runtime;
using namespace atl::runtime::testing;

namespace {

group_client::settings settings_of(const fake_node& node) {
  group_client::settings settings;
  settings.self = named("a client");
  settings.role = "master";
  settings.timing = quick();
  settings.timeout = long_timeout;
  settings.members = {{"node", node.where}};
  return settings;
}

reply saying(std::string bytes) {
  return {std::move(bytes), {}, false};
}

/// The commands that the node received.
std::vector<std::string> received(fake_node& node) {
  std::lock_guard lock{node.script->mutex};
  return node.script->asked;
}

session_command command_in(const std::string& bytes) {
  auto command = decode_session_command(bytes);
  REQUIRE(command.has_value());
  return *command;
}

} // namespace

TEST_CASE("a client of a service numbers its commands in a session") {
  fake_node node{"node"};
  runtime::system actors{1};
  service_client client{actors, settings_of(node)};
  node.script->answers = {saying(encode_answer(std::string_view{"one"})),
                          saying(encode_answer(error{errc::refused, "no"}))};
  CHECK(decode_answer(*client.run(3, "first")) == "one");
  CHECK(decode_answer(*client.run(4, "second")).error().message == "no");
  auto commands = received(node);
  REQUIRE(commands.size() == 2);
  auto first = command_in(commands[0]);
  auto second = command_in(commands[1]);
  CHECK(first.sequence == 1);
  CHECK(first.command.type == 3);
  CHECK(first.command.body == "first");
  CHECK(second.session == first.session);
  CHECK(second.sequence == 2);
}

TEST_CASE(
    "a command of a session that expired while it was idle is carried out under another one") {
  fake_node node{"node"};
  runtime::system actors{1};
  service_client client{actors, settings_of(node)};
  node.script->answers = {saying(encode_answer(std::string_view{"one"})),
                          saying(encode_answer(session_expired("it was idle"))),
                          saying(encode_answer(std::string_view{"two"}))};
  CHECK(client.run(1, "first").has_value());
  CHECK(decode_answer(*client.run(1, "second")) == "two");
  auto commands = received(node);
  REQUIRE(commands.size() == 3);
  auto repeated = command_in(commands[2]);
  CHECK(repeated.session != command_in(commands[0]).session);
  CHECK(repeated.sequence == 1);
  CHECK(repeated.command.body == "second");
}

TEST_CASE("a client that reads locally says how old the oldest state was that answered") {
  fake_node node{"node"};
  runtime::system actors{1};
  service_client client{actors, settings_of(node), spi::read_level::local};
  CHECK_FALSE(client.oldest_applied().has_value());
  // The fake replica's answer to a local query isn't one of a replica.
  CHECK(client.query("anything").error().code == errc::corrupt);
  CHECK_FALSE(client.oldest_applied().has_value());
}

TEST_CASE("calls that are under way when a client of a service ends are completed with an error") {
  fake_node node{"node"};
  node.script->silent = true;
  runtime::system actors{1};
  std::promise<result<std::string>> answer;
  {
    service_client client{actors, settings_of(node)};
    client.run(1, "first", [&](auto it) { answer.set_value(std::move(it)); });
  }
  CHECK_FALSE(answer.get_future().get().has_value());
}
