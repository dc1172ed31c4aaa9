#include "tally_service.hpp"

#include <atoll/core/state/group_members.hpp>
#include <atoll/core/state/memory_state.hpp>
#include <atoll/spi/random.hpp>

#include <fmt/format.h>

using namespace tally;

namespace {

/// Drawn commands of three sessions, some repeated, some with pauses that end sessions.
std::vector<std::string> draw_history(spi::random_source& random) {
  std::vector<std::string> entries;
  std::uint64_t sequences[3] = {0, 0, 0};
  std::uint64_t now_us = 1'700'000'000'000'000;
  for (int i = 0; i < 300; ++i) {
    auto session = random.below(3);
    auto& sequence = sequences[session];
    sequence += sequence == 0 || random.chance(0.7) ? 1 : 0;
    now_us += random.chance(0.02) ? std::uint64_t{2} * 3600 * second_us : random.below(second_us);
    auto type = static_cast<std::uint8_t>(random.chance(0.8) ? add : clear);
    auto name = std::to_string(random.below(4));
    entries.push_back(random.chance(0.05)
                          ? "bytes that are no command"
                          : encode(session_command{{7, session}, sequence, now_us, {type, name}}));
  }
  return entries;
}

std::unique_ptr<memory_state> new_state() {
  return memory_state::create(std::make_unique<logic>()).value();
}

} // namespace

TEST_CASE("a state in memory answers as a database does, and has the same rows") {
  temporary_folder folder;
  spi::random_source random{5};
  replicated_state::settings how;
  how.free_bytes_min = 0;
  auto stored = replicated_state::open(folder.path() / "state", how, std::make_unique<logic>());
  REQUIRE(stored.has_value());
  auto in_memory = new_state();
  spi::log_index index = 0;
  for (auto& command : draw_history(random)) {
    spi::committed_entry entry{++index, 0, command.empty(), command};
    auto expected = (*stored)->apply({&entry, 1});
    auto answer = in_memory->apply(entry);
    REQUIRE(answer.has_value());
    CHECK(*answer == expected.value().front());
    if (random.chance(0.05))
      in_memory = in_memory->copy(std::make_unique<logic>()).value();
    if (random.chance(0.05))
      REQUIRE((*stored)->flush().has_value());
    for (auto* query : {"sum", "scan c", "sessions", "time", "throw"})
      CHECK(in_memory->query(query).value() == (*stored)->query(query).value());
    CHECK(fmt::format("{:016x}", in_memory->digest()) == (*stored)->digest().value());
    CHECK(in_memory->applied() == (*stored)->applied());
    CHECK(in_memory->latest_stamp() == (*stored)->latest_stamp());
  }
}

TEST_CASE("a copy of a state in memory goes its own way") {
  auto first = new_state();
  auto command = [](std::uint64_t sequence, std::string_view name) {
    return encode(session_command{{7, 1}, sequence, 1, {add, name}});
  };
  REQUIRE(first->apply({1, 0, false, command(1, "a")}).has_value());
  auto copy = first->copy(std::make_unique<logic>()).value();
  CHECK(copy->digest() == first->digest());
  REQUIRE(first->apply({2, 0, false, command(2, "a")}).has_value());
  CHECK(copy->applied() == 1);
  CHECK(copy->digest() != first->digest());
  REQUIRE(copy->apply({2, 0, false, command(2, "a")}).has_value());
  CHECK(copy->digest() == first->digest());
}

TEST_CASE("a state in memory reports a failure of its logic") {
  auto state = new_state();
  auto throws = encode(session_command{{7, 1}, 1, 1, {throw_up, "x"}});
  auto done = state->apply({1, 0, false, throws});
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().message.find("threw during a command: out of luck") != std::string::npos);
  CHECK_FALSE(new_state()->apply({3, 0, true, {}}).has_value()); // entry 1 is due
  CHECK_FALSE(new_state()->query("damage").has_value());
  CHECK(new_state()->admission_check("bytes that are no command").has_value());
  CHECK_FALSE(new_state()->admission_check(throws).has_value());
}

TEST_CASE("a state in memory keeps the certificate of its group, as a database does") {
  group_birth birth{"0123456789abcdef0123456789abcdef", "west", {}, {}, {}};
  birth.founders = {{1, "one", "host:1", "folder 1"}, {4, "four", "host:4", "folder 4"}};
  temporary_folder folder;
  replicated_state::settings how;
  how.free_bytes_min = 0;
  how.birth = encode(birth);
  how.cluster_id = birth.cluster;
  auto stored = replicated_state::open(folder.path() / "state", how, std::make_unique<logic>());
  REQUIRE(stored.has_value());
  auto in_memory = memory_state::create(std::make_unique<logic>(), encode(birth));
  REQUIRE(in_memory.has_value());
  CHECK(fmt::format("{:016x}", (*in_memory)->digest()) == (*stored)->digest().value());
  auto members = decode_members((*in_memory)->query(members_query()).value());
  CHECK(members.value() == birth.founders);
  CHECK_FALSE(memory_state::create(std::make_unique<logic>(), "no certificate").has_value());
}

TEST_CASE("a hash over the application's rows doesn't tell sessions apart") {
  auto first = new_state();
  auto other = new_state();
  auto command = [](std::uint64_t session, std::string_view name) {
    return encode(session_command{{7, session}, 1, 1, {add, name}});
  };
  REQUIRE(first->apply({1, 0, false, command(1, "a")}).has_value());
  REQUIRE(other->apply({1, 0, false, command(2, "a")}).has_value());
  CHECK(first->digest() != other->digest());
  CHECK(first->application_digest() == other->application_digest());
  REQUIRE(first->apply({2, 0, false, command(3, "b")}).has_value());
  REQUIRE(other->apply({2, 0, false, command(3, "c")}).has_value());
  CHECK(first->application_digest() != other->application_digest());
}
