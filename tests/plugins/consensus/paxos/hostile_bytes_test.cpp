#include "paxos.hpp"
#include "replica.hpp"
#include "wire.hpp"

#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <malloc.h>
#include <new>

/// Messages and records that no replica wrote.
using namespace atl::paxos;
namespace spi = atl::spi;

// -- memory -----------------------------------------------------------------------------------

namespace {

/// The memory use of this program, which has one thread.
struct memory {
  std::size_t asked_for = 0; ///< in total, in bytes
  std::size_t held = 0;      ///< at the moment, in bytes
} used;

} // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  auto* place = std::malloc(size);
  if (place) {
    used.asked_for += size;
    used.held += malloc_usable_size(place);
  }
  return place;
}
void* operator new(std::size_t size) {
  if (auto* place = operator new(size, std::nothrow))
    return place;
  throw std::bad_alloc{};
}
void operator delete(void* place) noexcept {
  used.held -= place ? malloc_usable_size(place) : 0;
  std::free(place);
}
void operator delete(void* place, std::size_t) noexcept {
  operator delete(place);
}

// -- messages ---------------------------------------------------------------------------------

namespace {

const membership some_group{{1, 2, 3}, {4}};

/// One of each kind.
std::vector<std::string> some_messages() {
  promise page{make_ballot(4, 2), false, true, 7, 9, true, 6, 1, {}};
  page.accepted.push_back({7, {make_ballot(2, 1), {value_type::command, "a command"}, 0, 0, 0}});
  page.accepted.push_back(
      {9, {make_ballot(3, 3), {value_type::members, members_codec.encode(some_group)}, 0, 0, 0}});
  accept_request accept{7, 6, 12, 5, {2, 2}, {}};
  accept.values = {{value_type::command, "a command"},
                   {value_type::no_op, {}},
                   {value_type::members, members_codec.encode(some_group)}};
  std::vector<std::string> all;
  for (const body& it :
       {body{prepare_request{7, {2, 2}, true, false}}, body{page}, body{accept},
        body{accept_response{{{7, 8}, {10, 10}}, 8, 1}}, body{heartbeat_response{12, 6, 8, 10, 1}},
        body{rejected{}}, body{timeout_now{}}, body{read_request{{1, 2}}},
        body{read_response{{1, 2}, true, 9}}})
    all.push_back(encode(make_ballot(4, 2), it));
  return all;
}

/// Decodes, and checks that the memory used is bounded by the size of the bytes.
std::optional<message> decode_within_bounds(const std::string& bytes) {
  auto before = used.asked_for;
  auto it = decode(bytes);
  CHECK(used.asked_for - before < 2048 + 64 * bytes.size());
  return it;
}

void check_canonical_encoding(const std::string& bytes) {
  if (auto it = decode_within_bounds(bytes))
    CHECK(encode(it->ballot, it->body) == bytes);
}

std::string random_bytes(std::size_t size, spi::random_source& random) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(random.next());
  return bytes;
}

/// Overwrites four bytes with a count or a length that is too large.
std::string overstate_length(std::string bytes, std::size_t at) {
  for (auto last = std::min(at + 4, bytes.size()); at < last; ++at)
    bytes[at] = '\xff';
  return bytes;
}

std::string alter_bytes(std::string bytes, spi::random_source& random) {
  switch (random.below(5)) {
  case 0:
    bytes.resize(random.below(bytes.size() + 1));
    return bytes;
  case 1:
    return bytes + random_bytes(1 + random.below(50), random);
  case 2:
    return overstate_length(bytes, random.below(bytes.size() + 1));
  case 3:
    return random_bytes(random.below(100), random);
  default:
    for (auto left = bytes.empty() ? 0 : 1 + random.below(4); left > 0; --left)
      bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
    return bytes;
  }
}

} // namespace

TEST_CASE("every kind of message is decoded as it was encoded") {
  std::vector<bool> seen(std::variant_size_v<body>);
  for (auto& bytes : some_messages()) {
    auto again = decode_within_bounds(bytes);
    REQUIRE(again.has_value());
    CHECK(again->ballot == make_ballot(4, 2));
    CHECK(encode(again->ballot, again->body) == bytes);
    seen[again->body.index()] = true;
  }
  CHECK(std::count(seen.begin(), seen.end(), true) == std::ssize(seen));
}

TEST_CASE(
    "a message that was cut or lengthened is rejected, and a changed one is rejected or whole") {
  spi::random_source random{1};
  for (auto& whole : some_messages()) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK_FALSE(decode_within_bounds(whole.substr(0, size)).has_value());
    CHECK_FALSE(decode_within_bounds(whole + "x").has_value());
    for (std::size_t at = 0; at < whole.size(); ++at) {
      check_canonical_encoding(overstate_length(whole, at));
      for (int bit = 0; bit < 8; ++bit) {
        auto bytes = whole;
        bytes[at] ^= static_cast<char>(1 << bit);
        check_canonical_encoding(bytes);
      }
    }
    for (int round = 0; round < 2000; ++round) {
      check_canonical_encoding(alter_bytes(whole, random));
      check_canonical_encoding(whole.substr(0, 1) + random_bytes(random.below(200), random));
    }
  }
}

TEST_CASE("a malformed group is rejected") {
  CHECK(members_codec.decode(members_codec.encode(some_group)) == some_group);
  membership too_many_members;
  for (spi::replica_id id = 1; id <= members_max + 1; ++id)
    too_many_members.voters.push_back(id);
  for (auto& it :
       {membership{{}, {4}}, membership{{0, 1}, {}}, membership{{1, 1}, {}}, membership{{2, 1}, {}},
        membership{{1, 2}, {2}}, membership{{1}, {3, 3}}, too_many_members})
    CHECK_FALSE(members_codec.decode(members_codec.encode(it)).has_value());
}

// -- replicas ---------------------------------------------------------------------------------

namespace {

/// The records and metadata that a replica wrote.
struct recorded_state {
  std::map<std::uint64_t, std::string> records;
  std::optional<std::string> meta;

  void write(const spi::persist& it) {
    for (auto& op : it.ops)
      if (auto* put = std::get_if<spi::put_record>(&op))
        records.insert_or_assign(put->index, put->bytes);
      else if (auto* erase = std::get_if<spi::erase_records>(&op))
        records.erase(records.lower_bound(erase->first), records.upper_bound(erase->last));
      else if (auto* set = std::get_if<spi::set_meta>(&op))
        meta = set->bytes;
  }
};

/// A replica whose host carries out all effects at once, and checks them.
struct hosted {
  spi::replica_id self;
  replica it;
  recorded_state disk{};
  std::size_t sent_bytes = 0;
  std::string fatal{};

  hosted(const spi::options& options, spi::replica_id id, std::vector<spi::replica_id> voters)
      : self{id}, it{{options, id, std::move(voters), id, 1}} {}

  void drain() {
    std::vector<spi::effect> out;
    it.drain(out);
    for (auto& effect : out) {
      if (auto* written = std::get_if<spi::persist>(&effect)) {
        disk.write(*written);
        it.on_durable(written->token);
      } else if (auto* sent = std::get_if<spi::send>(&effect)) {
        CHECK(sent->to != 0);
        CHECK(sent->to != self);
        sent_bytes += sent->bytes.size();
      } else if (auto* applied = std::get_if<spi::apply>(&effect)) {
        it.on_applied(applied->entries.back().index);
      } else if (auto* stopped = std::get_if<spi::fatal>(&effect)) {
        fatal = stopped->reason;
        CHECK(fatal != "");
      }
    }
  }
};

/// The messages of replicas while one leads, transfers leadership, is cut off and returns; but no
/// leader knows the receiver's log, or a receiver with an empty log would stop.
std::vector<std::string> record_messages() {
  auto all = some_messages();
  atl::sim::scripted_simulation group{paxos::options(5, 3), paxos::factory()};
  group.filter([&all](auto, auto, std::string_view bytes) {
    auto it = decode(bytes);
    if (auto* accept = std::get_if<accept_request>(&it->body))
      accept->known = 0;
    all.push_back(encode(it->ballot, it->body));
    return atl::sim::filter_action::pass;
  });
  auto write = [&group, tag = std::uint64_t{0}]() mutable {
    for (spi::replica_id id = 1; id <= 3; ++id) {
      ++tag;
      group.propose(id, {tag, tag, 1, 1, atl::sim::operation_kind::write, 7, {}});
    }
  };
  auto go_on = [&] {
    for (int i = 0; i < 5; ++i) {
      write();
      group.read(1 + static_cast<spi::replica_id>(i) % 3, 1);
      group.run_for(std::chrono::milliseconds{300});
    }
  };
  go_on();
  for (spi::replica_id id = 1; id <= 3; ++id) {
    group.transfer(id, id % 3 + 1);
    go_on();
    group.isolate(id);
    go_on();
    group.heal_network();
    group.reconfigure(id, {1, 2, 3}, {4});
    go_on();
  }
  CHECK(group.violation() == "");
  return all;
}

} // namespace

namespace {

/// The same message with the present ballot of a replica.
std::string in_ballot(std::string_view bytes, ballot now) {
  auto it = decode(bytes);
  if (auto* page = std::get_if<promise>(&it->body))
    page->asked = now;
  return encode(now, it->body);
}

} // namespace

TEST_CASE(
    "malformed messages make no replica throw, send without end, or hold more than its window") {
  auto voices = record_messages();
  CHECK(voices.size() > 500);
  auto options = paxos::options(1, 3).protocol_options;
  spi::random_source random{5};
  std::uint64_t steps = 0;
  std::uint64_t led = 0;
  std::uint64_t held_most = 0;
  std::uint64_t stopped = 0;
  for (int round = 0; round < 300; ++round) {
    auto held = used.held;
    std::size_t taken_in = 0;
    std::size_t next = 0;
    hosted one{options, static_cast<spi::replica_id>(1 + random.below(3)), {1, 2, 3}};
    one.it.start({}, 0, spi::timestamp{1});
    for (int i = 0; i < 300 && one.fatal.empty(); ++i) {
      next = random.chance(0.1) ? random.below(voices.size()) : (next + 1) % voices.size();
      auto bytes = voices[next];
      if (random.chance(0.5))
        bytes = in_ballot(bytes, one.it.status().term);
      auto from = owner_of(decode(bytes)->ballot);
      if (from == one.self)
        from = from % 3 + 1;
      if (random.chance(0.3))
        bytes = alter_bytes(std::move(bytes), random);
      if (random.chance(0.2))
        from = static_cast<spi::replica_id>(random.chance(0.1) ? random.next() : random.below(5));
      taken_in += bytes.size() + 100;
      one.it.advance(spi::timestamp{i * 10'000});
      if (random.chance(0.05))
        one.it.propose(static_cast<spi::request_id>(i + 1), "a command");
      if (random.chance(0.02))
        one.it.on_snapshot_received(random.below(300),
                                    alter_bytes(members_codec.encode(some_group), random));
      one.it.step(from, bytes);
      one.drain();
      auto status = one.it.status();
      ++steps;
      led += status.role == spi::replica_role::leader ? 1 : 0;
      held_most = std::max(held_most, status.accepted);
      CHECK(status.pending < 10'000);
    }
    stopped += one.fatal.empty() ? 0 : 1;
    CHECK(one.sent_bytes < 40 * taken_in);
    // A value may be `2 * ahead_max` indexes ahead, and each index before it takes a slot.
    CHECK(used.held - held < 4 * ahead_max * sizeof(slot) + 10 * taken_in);
  }
  MESSAGE(led, " times it led, of ", steps, "; held at most ", held_most, "; stopped ", stopped);
  CHECK(steps > 10'000);
  CHECK(led > 50);
  CHECK(held_most > 20);
}

TEST_CASE("a replica starts from a damaged disk, or says why it doesn't") {
  auto options = paxos::options(1, 1).protocol_options;
  hosted whole{options, 1, {1}};
  whole.it.start({}, 0, spi::timestamp{1});
  for (int i = 1; i <= 50; ++i) {
    whole.it.advance(spi::timestamp{i * 100'000});
    if (i % 10 == 0)
      whole.it.reconfigure(static_cast<spi::request_id>(i), {1}, {static_cast<unsigned>(i)});
    else
      whole.it.propose(static_cast<spi::request_id>(i), "a command");
    whole.drain();
    whole.drain();
  }
  REQUIRE(whole.disk.records.size() > 40);
  REQUIRE(whole.disk.meta);
  spi::random_source random{7};
  int started = 0;
  int stopped = 0;
  for (int round = 0; round < 2000; ++round) {
    auto held = used.held;
    spi::stable_state stable;
    stable.meta = whole.disk.meta;
    if (random.chance(0.5))
      stable.meta = alter_bytes(*stable.meta, random);
    stable.meta_corrupt = random.chance(0.02);
    auto spoilt = random.chance(0.5) ? 0.1 : 0.0;
    for (auto& [index, bytes] : whole.disk.records) {
      if (random.chance(spoilt / 10))
        continue;
      auto at = random.chance(spoilt / 10) ? random.next() : index;
      auto damaged = random.chance(spoilt / 5);
      stable.records.push_back({random.chance(spoilt / 10) ? 1U : 0U, at,
                                damaged ? spi::record_state::corrupt : spi::record_state::ok,
                                damaged                 ? std::string{}
                                : random.chance(spoilt) ? alter_bytes(bytes, random)
                                                        : bytes});
    }
    hosted one{options, 1, {1}};
    auto applied = random.chance(0.9) ? whole.it.status().committed : random.below(60);
    one.it.start(std::move(stable), applied, spi::timestamp{1});
    one.drain();
    one.it.advance(spi::timestamp{10'000'000});
    one.drain();
    ++(one.fatal.empty() ? started : stopped);
    CHECK(used.held - held < 3 * ahead_max * sizeof(slot));
  }
  CHECK(started > 200);
  CHECK(stopped > 200);
}

TEST_CASE("a group that receives malformed messages continues") {
  atl::sim::scripted_simulation group{paxos::options(3, 3), paxos::factory()};
  auto leader = [&] {
    for (spi::replica_id id = 1; id <= 3; ++id)
      if (group.up(id) && group.status(id).role == spi::replica_role::leader &&
          group.status(id).blocked.empty())
        return id;
    return spi::replica_id{0};
  };
  REQUIRE(group.run_until([&] { return leader() != 0; }));
  spi::random_source random{1};
  for (int round = 0; round < 2000; ++round) {
    group.deliver(static_cast<spi::replica_id>(random.below(5)),
                  static_cast<spi::replica_id>(1 + random.below(3)),
                  random_bytes(random.below(200), random));
    if (round % 100 == 0)
      group.run_for(std::chrono::milliseconds{50});
  }
  REQUIRE(group.run_until([&] { return leader() != 0; }));
  atl::sim::register_command write{1, 1, 1, 1, atl::sim::operation_kind::write, 42, {}};
  CHECK(group.await(group.propose(leader(), write)).kind == atl::sim::answer_kind::applied);
  CHECK(group.violation() == "");
}
