#include "common/outbox.hpp"

#include <doctest/doctest.h>

#include <variant>
#include <vector>

using atl::leader_based::outbox;
namespace spi = atl::spi;

namespace {

/// The token of the next record that `drain` emits; 0: none.
spi::persist_token drain(outbox& it, std::vector<spi::send>& sent) {
  std::vector<spi::effect> effects;
  if (it.is_meta_changed())
    it.write(spi::set_meta{"meta"});
  it.drain(effects);
  spi::persist_token token = 0;
  for (auto& effect : effects) {
    if (auto* record = std::get_if<spi::persist>(&effect))
      token = record->token;
    if (auto* message = std::get_if<spi::send>(&effect))
      sent.push_back(*message);
  }
  return token;
}

} // namespace

TEST_CASE("a message that speaks of a promise waits for the promise's record") {
  outbox it;
  std::vector<spi::send> sent;
  it.write_promise();
  CHECK_FALSE(it.is_promise_durable());
  it.send(2, "a vote", it.promise_token());
  CHECK(drain(it, sent) == 1);
  CHECK(sent.back().after == 1);
  CHECK(it.on_durable(1));
  CHECK_FALSE(it.on_durable(1));
  CHECK(it.is_promise_durable());
  it.send(2, "the vote again", it.promise_token());
  drain(it, sent);
  CHECK(sent.back().after == 0);
}

TEST_CASE("a message that speaks of a promise doesn't wait for later records") {
  outbox it;
  std::vector<spi::send> sent;
  it.write_promise();
  drain(it, sent);
  it.on_durable(1);
  it.write_meta();
  it.erase(1, 5);
  it.send(2, "a vote", it.promise_token());
  CHECK(drain(it, sent) == 2);
  CHECK(sent.back().after == 0);
}

TEST_CASE("a record comes before the messages that wait for it, and an empty one isn't written") {
  outbox it;
  it.send(2, "a message", it.next_token());
  it.erase(1, 5);
  it.erase(6, 5); // an empty range
  std::vector<spi::effect> effects;
  it.drain(effects);
  REQUIRE(effects.size() == 2);
  auto* record = std::get_if<spi::persist>(&effects.front());
  REQUIRE(record);
  CHECK(record->ops.size() == 1);
  CHECK(std::holds_alternative<spi::send>(effects.back()));
  effects.clear();
  it.drain(effects);
  CHECK(effects.empty());
}
