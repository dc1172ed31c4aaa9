#include "replica.hpp"
#include "two_phase_commit.hpp"
#include "wire.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

/// A single replica, called directly: the effects it emits, and the input it rejects.
using namespace atl::two_phase;
namespace spi = atl::spi;
using std::chrono::milliseconds;

namespace {

/// The coordinator of a group of three, with fabricated messages of its peers.
struct single_coordinator {
  explicit single_coordinator(const under_test::overrides& changed = {})
      : options{under_test::make_options(two_phase_commit::plugin(), changed)},
        it{spi::consensus_setup{options, 1, {1, 2, 3}, 1, 10}} {
    spi::stable_state stable;
    stable.meta = encode_meta({{1, 2, 3}, 4, true, 1});
    it.start(std::move(stable), 0, now);
    drain();
    for (spi::replica_id id : {2U, 3U})
      send_heartbeat(id);
    drain();
    it.on_durable(token);
    drain();
  }

  std::vector<spi::effect> drain() {
    std::vector<spi::effect> out;
    it.drain(out);
    for (auto& effect : out)
      if (auto some = std::get_if<spi::persist>(&effect))
        token = some->token;
    return out;
  }

  std::string message(message_type type, auto fill) {
    spi::writer out;
    write_header(out, {type, group, 20, 10, 5});
    fill(out);
    return out.take();
  }

  void send_heartbeat(spi::replica_id id) {
    it.step(id, message(message_type::heartbeat, [](auto& out) {
              encode(out, heartbeat{.complete = true, .group = {0, {{1, 2, 3}, {}}}});
            }));
  }

  void vote(spi::replica_id id, spi::log_index first, spi::log_index last) {
    it.step(id, message(message_type::vote, [=](auto& out) {
              out.put(static_cast<std::uint32_t>(last - first + 1));
              for (auto index = first; index <= last; ++index)
                out.put(index).put(true).put("");
            }));
  }

  /// Proposes a command, and validates it.
  void propose(spi::request_id id, std::string command) {
    it.propose(id, std::move(command));
    for (auto& effect : drain())
      if (auto asked = std::get_if<spi::validate>(&effect))
        it.on_validated(asked->ticket, true, "");
  }

  static std::uint64_t fingerprint() {
    auto options = under_test::make_options(two_phase_commit::plugin());
    replica any{spi::consensus_setup{options, 2, {1, 2, 3}, 1, 1}};
    any.start({}, 0, {});
    any.advance(spi::timestamp{0});
    std::vector<spi::effect> out;
    any.drain(out);
    for (auto& effect : out)
      if (auto sent = std::get_if<spi::send>(&effect)) {
        spi::reader in{sent->bytes};
        return read_header(in)->group;
      }
    return 0;
  }

  spi::timestamp now{1'000'000};
  spi::persist_token token = 0;
  std::uint64_t group = fingerprint();
  spi::options options;
  replica it;
};

template <class Effect>
std::vector<Effect> only(const std::vector<spi::effect>& all) {
  std::vector<Effect> out;
  for (auto& it : all)
    if (auto some = std::get_if<Effect>(&it))
      out.push_back(*some);
  return out;
}

} // namespace

TEST_CASE("proposals accepted between two drains share one write and one message to each peer") {
  single_coordinator group;
  std::vector<std::uint64_t> tickets;
  for (spi::request_id id = 1; id <= 100; ++id)
    group.it.propose(id, "command " + std::to_string(id));
  for (auto& asked : only<spi::validate>(group.drain()))
    group.it.on_validated(asked.ticket, true, "");
  auto out = group.drain();
  REQUIRE(only<spi::persist>(out).size() == 1);
  CHECK(only<spi::persist>(out)[0].ops.size() == 100);
  auto sent = only<spi::send>(out);
  REQUIRE(sent.size() == 2);
  for (auto& it : sent)
    CHECK(it.after == 0); // prepares are sent without waiting for the coordinator's disk

  group.vote(2, 1, 100);
  group.vote(3, 1, 100);
  CHECK(group.drain().empty()); // the coordinator's own vote counts when it is durable

  group.it.on_durable(group.token);
  out = group.drain();
  REQUIRE(only<spi::apply>(out).size() == 1);
  CHECK(only<spi::apply>(out)[0].entries.size() == 100);
  CHECK(only<spi::send>(out).size() == 2);
  CHECK(only<spi::persist>(out).empty()); // a commit needs no durable decision
}

TEST_CASE("what was committed goes to the disk with the next proposal, or soon") {
  single_coordinator group;
  group.it.advance(group.now);
  auto commit = [&](spi::log_index index) {
    group.propose(index, "x");
    auto persists = only<spi::persist>(group.drain());
    group.it.on_durable(group.token);
    group.vote(2, index, index);
    group.vote(3, index, index);
    CHECK(only<spi::apply>(group.drain()).size() == 1);
    REQUIRE(persists.size() == 1);
    return persists[0].ops.size();
  };
  CHECK(commit(1) == 1);
  CHECK(commit(2) == 2);
  CHECK(group.it.deadline() == group.now + milliseconds{2});
  group.it.advance(group.now + milliseconds{2});
  auto persists = only<spi::persist>(group.drain());
  REQUIRE(persists.size() == 1);
  CHECK(persists[0].ops.size() == 1);
  CHECK(commit(3) == 1);
}

TEST_CASE("an abort is announced only when it is durable") {
  single_coordinator group{{{"vote_timeout", "30ms"}}};
  group.propose(1, "x");
  group.drain();
  group.it.on_durable(group.token);
  group.it.advance(group.now + milliseconds{30});
  auto out = group.drain();
  CHECK(only<spi::persist>(out).size() == 1);
  CHECK(only<spi::refuse>(out).empty());
  CHECK(only<spi::apply>(out).empty());
  group.it.on_durable(group.token);
  out = group.drain();
  CHECK(only<spi::refuse>(out).size() == 1);
  CHECK(only<spi::apply>(out).size() == 1);
}

TEST_CASE("a change and its decision are sent only when they are durable") {
  single_coordinator group;
  group.it.reconfigure(1, {1, 2}, {3});
  auto sent = only<spi::send>(group.drain());
  auto prepares = std::count_if(sent.begin(), sent.end(), [&](auto& it) {
    spi::reader in{it.bytes};
    return read_header(in)->type == message_type::prepare && it.after == group.token;
  });
  CHECK(prepares == 2);
  group.it.on_durable(group.token);
  group.vote(2, 1, 1);
  group.vote(3, 1, 1);
  auto out = group.drain();
  CHECK(only<spi::persist>(out).size() == 1);
  CHECK(only<spi::send>(out).empty());
  group.it.on_durable(group.token);
  CHECK(!only<spi::send>(group.drain()).empty());
}

TEST_CASE("a batch larger than batch_bytes is split into several messages without losing entries") {
  single_coordinator group{{{"batch_bytes", "1KiB"}}};
  for (spi::request_id id = 1; id <= 10; ++id)
    group.it.propose(id, std::string(500, 'x'));
  group.it.propose(11, std::string(5000, 'y'));
  for (auto& asked : only<spi::validate>(group.drain()))
    group.it.on_validated(asked.ticket, true, "");
  std::size_t entries = 0;
  for (auto& it : only<spi::send>(group.drain()))
    if (it.to == 2) {
      spi::reader in{it.bytes};
      REQUIRE(read_header(in));
      std::vector<prepare_entry> body;
      REQUIRE(decode(in, body));
      entries += body.size();
      CHECK(it.bytes.size() < 7000);
    }
  CHECK(entries == 11);
}

TEST_CASE("proposals beyond max_in_flight are refused as busy and accepted again later") {
  single_coordinator group{{{"max_in_flight", "3"}}};
  for (spi::request_id id = 1; id <= 3; ++id)
    group.propose(id, "x");
  group.it.propose(4, "x");
  auto refused = only<spi::refuse>(group.drain());
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].id == 4);
  CHECK(refused[0].why == spi::refusal::busy);
  CHECK(refused[0].reason.find("busy") == 0);
  group.it.on_durable(group.token);
  group.vote(2, 1, 3);
  group.vote(3, 1, 3);
  CHECK(only<spi::apply>(group.drain()).size() == 1);
  group.it.propose(5, "x");
  CHECK(only<spi::refuse>(group.drain()).empty());
}

TEST_CASE("a log that the state machines have not applied accepts nothing beyond log_bytes") {
  single_coordinator group{
      {{"log_bytes", "1MiB"}, {"keep_bytes", "1MiB"}, {"batch_bytes", "1MiB"}}};
  auto refusals = 0;
  for (spi::request_id id = 1; id <= 20; ++id) {
    group.it.propose(id, std::string(100'000, 'x'));
    auto out = group.drain();
    refusals += static_cast<int>(only<spi::refuse>(out).size());
    for (auto& asked : only<spi::validate>(out))
      group.it.on_validated(asked.ticket, true, "");
    group.drain();
  }
  CHECK(refusals == 9);
}

TEST_CASE("a vote is counted once, from a known participant, in this epoch") {
  single_coordinator group;
  group.propose(1, "x");
  group.drain();
  group.it.on_durable(group.token);
  group.vote(2, 1, 1);
  group.vote(2, 1, 1);
  group.vote(9, 1, 1);
  group.it.step(3, [&] {
    spi::writer out;
    write_header(out, {message_type::vote, group.group, 20, 10, 4}); // an older epoch
    out.put(std::uint32_t{1}).put(spi::log_index{1}).put(true).put("");
    return out.take();
  }());
  group.it.step(3, [&] {
    spi::writer out;
    write_header(out,
                 {message_type::vote, group.group, 19, 10, 5}); // an older incarnation of the voter
    out.put(std::uint32_t{1}).put(spi::log_index{1}).put(true).put("");
    return out.take();
  }());
  CHECK(only<spi::apply>(group.drain()).empty());
  CHECK(group.it.dropped() == 3);
  group.vote(3, 1, 1);
  CHECK(only<spi::apply>(group.drain()).size() == 1);
}

TEST_CASE("a command is refused as busy while a participant that restarted rejoins") {
  single_coordinator group;
  group.it.step(2, [&] { // from a later incarnation, which doesn't know the coordinator's yet
    spi::writer out;
    write_header(out, {message_type::heartbeat, group.group, 21, 0, 0});
    encode(out, heartbeat{.group = {0, {{1, 2, 3}, {}}}});
    return out.take();
  }());
  group.it.propose(1, "x");
  auto refused = only<spi::refuse>(group.drain());
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].reason.find("replica 2 has restarted") == 0);
  CHECK(refused[0].why == spi::refusal::busy);
}

TEST_CASE("a command is refused as busy while a participant catches up on a new disk") {
  single_coordinator group;
  group.it.step(2, [&] {
    spi::writer out;
    write_header(out, {message_type::heartbeat, group.group, 21, 10, 5});
    encode(out, heartbeat{.group = {0, {{1, 2, 3}, {}}}});
    return out.take();
  }());
  group.it.propose(1, "x");
  auto refused = only<spi::refuse>(group.drain());
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].reason.find("catching up") != std::string::npos);
  CHECK(refused[0].why == spi::refusal::busy);
}

TEST_CASE("a command whose votes don't come in time is refused as busy") {
  single_coordinator group{{{"vote_timeout", "30ms"}}};
  group.propose(1, "x");
  group.drain();
  group.it.advance(group.now + milliseconds{30});
  group.drain();
  group.it.on_durable(group.token);
  auto refused = only<spi::refuse>(group.drain());
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].reason.find("no vote arrived in time") == 0);
  CHECK(refused[0].why == spi::refusal::busy);
}

TEST_CASE("a command that needs a participant which can't be reached is not refused as busy") {
  single_coordinator group;
  group.it.on_unreachable(2);
  group.it.propose(1, "x");
  auto refused = only<spi::refuse>(group.drain());
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].why == spi::refusal::not_proposed);
}

TEST_CASE("the deadline is the earliest of heartbeat, vote and read timeout") {
  single_coordinator group{
      {{"vote_timeout", "30ms"}, {"read_timeout", "20ms"}, {"heartbeat", "100ms"}}};
  group.it.advance(group.now);
  group.drain();
  CHECK(group.it.deadline() == group.now + milliseconds{100});
  group.propose(1, "x");
  group.drain();
  CHECK(group.it.deadline() == group.now + milliseconds{30});
  group.it.advance(group.now + milliseconds{30});
  group.drain();
  CHECK(group.it.deadline() == group.now + milliseconds{100});
}

TEST_CASE("contradicting options are refused with a sentence") {
  auto make = [](const under_test::overrides& changed,
                 std::vector<spi::replica_id> voters = {1, 2, 3}) {
    auto options = under_test::make_options(two_phase_commit::plugin(), changed);
    replica it{spi::consensus_setup{options, 1, std::move(voters), 1, 1}};
  };
  CHECK_NOTHROW(make({{"heartbeat", "100ms"}, {"failure_timeout", "200ms"}}));
  CHECK_THROWS_WITH_AS(make({{"heartbeat", "100ms"}, {"failure_timeout", "199ms"}}),
                       doctest::Contains("at least twice the heartbeat"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make({{"keep_bytes", "2MiB"}, {"log_bytes", "1MiB"}}),
                       doctest::Contains("log_bytes"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make({}, {1, 2, 2}), doctest::Contains("twice"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make({}, {0, 1}), doctest::Contains("ids above 0"), std::invalid_argument);
}

TEST_CASE("a leadership transfer has no effect") {
  single_coordinator group;
  group.it.transfer(2);
  CHECK(group.drain().empty());
}

TEST_CASE("a change waits for open entries and blocks later proposals") {
  single_coordinator group;
  group.propose(1, "x");
  group.drain();
  group.it.reconfigure(2, {1, 2}, {3});
  CHECK(only<spi::persist>(group.drain()).empty());
  group.propose(3, "y");
  group.it.reconfigure(4, {1, 3}, {});
  auto refused = only<spi::refuse>(group.drain());
  REQUIRE(refused.size() == 1); // the proposal was refused earlier, in `propose`
  CHECK(refused[0].reason.find("another change of the group is under way") == 0);
  group.it.on_durable(group.token);
  group.vote(2, 1, 1);
  group.vote(3, 1, 1);
  auto out = group.drain();
  CHECK(only<spi::apply>(out).size() == 1);
  auto persists = only<spi::persist>(out);
  REQUIRE(persists.size() == 1);
  auto put = std::get_if<spi::put_record>(&persists[0].ops.back());
  REQUIRE(put);
  CHECK(put->index == 2);
  CHECK(put->stream == prepare_stream);
}

TEST_CASE("a joining replica that promised a higher epoch makes the coordinator raise its epoch") {
  single_coordinator group;
  group.propose(1, "x");
  group.drain();
  group.it.reconfigure(2, {1, 2, 3, 4}, {});
  group.drain();
  CHECK(group.it.status().term == 5);
  group.it.step(4, [&] {
    spi::writer out;
    write_header(out, {message_type::heartbeat, group.group, 1, 10, 9});
    encode(out, heartbeat{.group = {0, {{1, 2, 3}, {}}}});
    return out.take();
  }());
  CHECK(group.it.status().term == 10);
  CHECK(group.it.status().role == spi::replica_role::candidate);
  group.drain();
  group.it.on_durable(group.token);
  auto refused = only<spi::refuse>(group.drain());
  REQUIRE(refused.size() == 1); // open entries are aborted, because their epoch ended
  CHECK(refused[0].id == 1);
  CHECK(group.it.status().blocked.find("has not yet joined epoch 10") != std::string::npos);
}

TEST_CASE("an index far beyond the log makes a participant allocate nothing") {
  auto options = under_test::make_options(two_phase_commit::plugin());
  replica it{spi::consensus_setup{options, 2, {1, 2, 3}, 1, 10}};
  spi::stable_state stable;
  stable.meta = encode_meta({{1, 2, 3}, 5, true, 1});
  it.start(std::move(stable), 0, {});
  auto group = single_coordinator::fingerprint();
  for (spi::log_index index : {std::uint64_t{1} << 40, UINT64_MAX, UINT64_MAX - 1}) {
    spi::writer prepare;
    write_header(prepare, {message_type::prepare, group, 20, 10, 5});
    prepare.put(std::uint32_t{1}).put(index).put(entry_kind::command).put("x");
    it.step(1, prepare.view());
    spi::writer decide;
    write_header(decide, {message_type::decide, group, 20, 10, 5});
    decide.put(std::uint32_t{1}).put(index).put(true);
    it.step(1, decide.view());
  }
  std::vector<spi::effect> out;
  it.drain(out);
  CHECK(only<spi::validate>(out).empty());
  CHECK(only<spi::persist>(out).empty());
  CHECK(it.dropped() == 6);
}

TEST_CASE("the descriptor claims exactly what two-phase commit guarantees") {
  auto& plugin = two_phase_commit::plugin();
  auto claim = [&plugin](std::string_view name) {
    for (auto& each : plugin.claims)
      if (each.name == name)
        return std::string{each.value};
    return std::string{};
  };
  CHECK(std::string{plugin.name} == "two_phase_commit");
  CHECK(claim("safe_with_crashes") == "all");
  CHECK(claim("live_with_crashes") == "none");
  CHECK(claim("linearizable_reads") == "yes");
  CHECK(claim("blocks_on_one_failure") == "yes");
  CHECK(claim("changes_members") == "yes");
}
