#include "raft.hpp"
#include "wire.hpp"

#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

/// Messages and records that no replica wrote.
using namespace atl::raft;

namespace {

std::vector<std::string> some_messages() {
  membership group{{1, 2, 3}, {4}, {1, 2}};
  atl::spi::writer members;
  members_codec.put(members, group);
  append_request append{5, 2, 4, 7, 3, 1, atl::spi::timestamp{11}, {}};
  append.entries.push_back({3, entry_type::command, "a command", 0});
  append.entries.push_back({3, entry_type::no_op, {}, 0});
  append.entries.push_back({3, entry_type::members, members.take(), 0});
  std::vector<std::string> all;
  for (const body& it :
       {body{vote_request{9, 3, true, false}}, body{vote_response{false, true, 4}}, body{append},
        body{
            append_response{true, 8, 0, 1, 9, 7, atl::spi::timestamp{11}, atl::spi::timestamp{12}}},
        body{timeout_now{}}, body{read_request{{1, 2}}}, body{read_response{{1, 2}, true, 9}}})
    all.push_back(encode(4, it));
  return all;
}

} // namespace

TEST_CASE("every message is decoded as it was encoded") {
  for (auto& bytes : some_messages()) {
    auto again = decode(bytes);
    REQUIRE(again.has_value());
    CHECK(again->term == 4);
    CHECK(encode(again->term, again->body) == bytes);
  }
}

TEST_CASE(
    "a message that was cut or lengthened is rejected, and a changed one is rejected or whole") {
  atl::spi::random_source random{1};
  for (auto& whole : some_messages()) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK_FALSE(decode(whole.substr(0, size)).has_value());
    CHECK_FALSE(decode(whole + "x").has_value());
    for (int round = 0; round < 10'000; ++round) {
      auto bytes = whole;
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
      if (auto it = decode(bytes))
        CHECK(encode(it->term, it->body) == bytes);
    }
  }
}

TEST_CASE("an entry that changes the group to an empty one is rejected") {
  atl::spi::writer nobody;
  members_codec.put(nobody, membership{});
  append_request append;
  append.entries.push_back({1, entry_type::members, nobody.take(), 0});
  CHECK_FALSE(decode(encode(1, body{append})).has_value());
}

TEST_CASE("a group that receives malformed messages continues") {
  atl::sim::scripted_simulation group{raft::options(3, 3), raft::factory()};
  atl::spi::random_source random{1};
  auto leader = [&] {
    for (atl::spi::replica_id id = 1; id <= 3; ++id)
      if (group.up(id) && group.status(id).role == atl::spi::replica_role::leader &&
          group.status(id).blocked.empty())
        return id;
    return atl::spi::replica_id{0};
  };
  REQUIRE(group.run_until([&] { return leader() != 0; }));
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random.below(200), '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random.next());
    group.deliver(static_cast<atl::spi::replica_id>(1 + random.below(3)),
                  static_cast<atl::spi::replica_id>(1 + random.below(3)), std::move(bytes));
    if (round % 100 == 0)
      group.run_for(std::chrono::milliseconds{50});
  }
  REQUIRE(group.run_until([&] { return leader() != 0; }));
  atl::sim::register_command write{1, 1, 1, 1, atl::sim::operation_kind::write, 42, {}};
  CHECK(group.await(group.propose(leader(), write)).kind == atl::sim::answer_kind::applied);
  CHECK(group.violation() == "");
}
