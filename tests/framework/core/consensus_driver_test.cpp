#include <atoll/core/consensus_driver.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace atl;

namespace {

using lines = std::vector<std::string>;

/// Gives out the effects that a test puts in, and notes the calls that it gets.
class scripted_protocol final : public spi::consensus {
 public:
  void start(spi::stable_state, spi::log_index applied, spi::timestamp) override {
    note("start after {}", applied);
  }
  void advance(spi::timestamp) override {}
  spi::timestamp deadline() const override { return spi::timestamp{7}; }
  void step(spi::replica_id from, std::string_view bytes) override {
    if (bytes == "throw")
      throw std::runtime_error{"on purpose"};
    if (bytes == "throw a number")
      throw 42;
    note("step {} {}", from, bytes);
  }
  void on_durable(spi::persist_token token) override { note("durable {}", token); }
  void on_unreachable(spi::replica_id) override {}
  void propose(spi::request_id id, std::string command) override {
    note("propose {} {}", id, command);
  }
  void read(spi::request_id id, spi::read_level) override { note("read {}", id); }
  void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) override {
    note("validated {} {} {}", ticket, ok, reason);
    effects.push_back(spi::send{2, fmt::format("vote {}", ticket), 0});
  }
  void reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                   std::vector<spi::replica_id>) override {
    note("reconfigure {} {}", id, voters.size());
  }
  void transfer(spi::replica_id) override {}
  void on_applied(spi::log_index) override {}
  void on_snapshot_sent(spi::replica_id, bool) override {}
  void on_snapshot_received(spi::log_index index, std::string_view blob) override {
    note("received {} {}", index, blob);
  }
  std::string snapshot_blob(spi::log_index) const override { throw std::logic_error{"no blob"}; }
  void on_installed(spi::log_index index) override { note("installed {}", index); }
  void drain(std::vector<spi::effect>& out) override {
    if (throws_from_drain)
      throw std::runtime_error{"no effects"};
    for (auto& it : std::exchange(effects, {}))
      out.push_back(std::move(it));
  }
  spi::consensus_status status() const override { return known; }
  void declare_lost(spi::replica_id id) override { note("lost {}", id); }

  std::vector<spi::effect> effects;
  spi::consensus_status known;
  bool throws_from_drain = false;
  lines calls;

 private:
  template <class... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    calls.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
};

/// Notes what the driver wants done, and does nothing of it.
class recorder final : public consensus_driver::environment {
 public:
  spi::timestamp now() const override { return spi::timestamp{5}; }
  void schedule_drain() override { ++drains_scheduled; }
  void before_effect(const spi::effect&) override { step(); }
  void between_steps() override { step(); }
  void persist(spi::persist records) override { note("persist {}", records.token); }
  void transmit(spi::replica_id to, std::string bytes, spi::persist_token waited_for) override {
    note("transmit {} {} {}", to, bytes, waited_for);
  }
  void apply(std::vector<spi::committed_entry> entries) override {
    note("apply {}-{}", entries.front().index, entries.back().index);
  }
  void validate(const spi::validate& question) override {
    note("validate {}", question.ticket);
    if (verdict)
      driver->on_validated(question.ticket, *verdict);
  }
  void send_snapshot(spi::replica_id to) override { note("send snapshot {}", to); }
  void install_snapshot(spi::log_index index) override { note("install {}", index); }
  void reply(request_handle to, std::string answer) override { note("reply {} {}", to, answer); }
  void refuse(request_handle to, spi::refuse why) override { note("refuse {} {}", to, why.reason); }
  void answer_reads(std::span<const request_handle> reads) override {
    note("answer reads {}", fmt::join(reads, ","));
  }
  void refuse_read(request_handle to, spi::read_refused why) override {
    note("refuse read {} {}", to, why.reason);
  }
  void on_members_changed() override { note("members"); }
  void on_role_changed(const spi::role_changed& role) override { note("term {}", role.term); }
  void on_unknown_request(spi::request_id id) override { note("unknown {}", id); }
  void on_failure(driver_failure kind, std::string what) override {
    failure = kind;
    note("failure {}", what);
  }

  consensus_driver* driver = nullptr;
  /// What `validate` answers at once; none: nothing.
  std::optional<std::optional<std::string>> verdict;
  int stops_at_step = 0; ///< counted from 1
  int drains_scheduled = 0;
  std::optional<driver_failure> failure;
  lines done;

 private:
  void step() {
    if (stops_at_step > 0 && --stops_at_step == 0)
      driver->stop();
  }
  template <class... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    done.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
};

struct fixture {
  fixture() {
    env.driver = &driver;
    driver.start({}, 0, {1, 2, 3});
    protocol.calls.clear();
  }

  /// What the environment was asked for while these effects were carried out.
  template <class... Effects>
  lines drain(Effects... effects) {
    (protocol.effects.push_back(std::move(effects)), ...);
    env.done.clear();
    driver.drain();
    return std::exchange(env.done, {});
  }
  /// … while the driver handled this event.
  template <class Event>
  lines after(Event event) {
    env.done.clear();
    event();
    return std::exchange(env.done, {});
  }
  lines told() { return std::exchange(protocol.calls, {}); }
  lines apply_up_to(spi::log_index index, std::vector<applied_answer> answers = {}) {
    return after([&] { driver.on_entries_applied(index, answers); });
  }

  scripted_protocol protocol;
  recorder env;
  consensus_driver driver{env, protocol};
};

spi::persist record(spi::persist_token token) {
  return {token, {spi::set_meta{"term"}}};
}
spi::apply entries(spi::log_index first, spi::log_index last) {
  spi::apply batch;
  for (auto index = first; index <= last; ++index)
    batch.entries.push_back({index, 0, false, "x"});
  return batch;
}

} // namespace

// -- messages and records ---------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a message leaves after its record is durable, and no later") {
  CHECK(drain(record(1), spi::send{2, "a", 1}, spi::send{3, "b", 0}, record(2),
              spi::send{2, "c", 2},
              spi::send{3, "d", 1}) == lines{"persist 1", "transmit 3 b 0", "persist 2"});
  CHECK(driver.held_sends() == 3);
  CHECK(after([&] { driver.on_durable(1); }) == lines{"transmit 2 a 1", "transmit 3 d 1"});
  CHECK(told() == lines{"durable 1"});
  CHECK(after([&] { driver.on_durable(2); }) == lines{"transmit 2 c 2"});
  CHECK(drain(spi::send{2, "e", 2}) == lines{"transmit 2 e 0"});
}

TEST_CASE_FIXTURE(fixture, "a message for a record that was never made is a breach") {
  CHECK(drain(spi::send{2, "a", 1}) ==
        lines{"failure sends after token 1, which was never given out"});
  CHECK(env.failure == driver_failure::breach);
}

TEST_CASE_FIXTURE(fixture, "records have consecutive tokens") {
  CHECK(drain(record(1), record(3), record(4)) ==
        lines{"persist 1", "failure persists with token 3 after 1"});
  CHECK(driver.stopped());
}

TEST_CASE_FIXTURE(fixture, "a term counts as durable with the last record of its batch") {
  protocol.known.term = 4;
  protocol.known.committed = 9;
  protocol.known.accepted = 2;
  drain(record(1), record(2));
  protocol.known.term = 5;
  drain(record(3));
  CHECK(driver.durable_term() == 0);
  driver.on_durable(1);
  CHECK(driver.durable_term() == 0); // the second record may be the one with the term
  driver.on_durable(2);
  CHECK(driver.durable_term() == 4);
  driver.on_durable(3);
  drain(entries(1, 3));
  CHECK(driver.mark().term == 5);
  CHECK(driver.mark().entry == 2);
  protocol.known.accepted = 7;
  CHECK(driver.mark().entry == 3);
}

// -- entries and requests ---------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "entries are delivered without a gap, within a batch and between two") {
  CHECK(drain(entries(1, 2), spi::apply{}, entries(3, 3)) == lines{"apply 1-2", "apply 3-3"});
  SUBCASE("a batch begins too late") {
    CHECK(drain(entries(5, 6)) == lines{"failure applies index 5 after 3"});
  }
  SUBCASE("a batch begins too early") {
    CHECK(drain(entries(3, 4)) == lines{"failure applies index 3 after 3"});
  }
  SUBCASE("an entry is missing in a batch") {
    auto batch = entries(4, 6);
    batch.entries.erase(batch.entries.begin() + 1);
    CHECK(drain(std::move(batch)) == lines{"failure applies index 6 after 4"});
  }
  CHECK(driver.delivered() == 3);
}

TEST_CASE_FIXTURE(fixture, "a replica goes on after what its state machine has") {
  consensus_driver later{env, protocol};
  later.start({}, 6, {1});
  CHECK(protocol.calls == lines{"start after 6"});
  protocol.effects.push_back(entries(7, 7));
  later.drain();
  CHECK(env.done == lines{"apply 7-7"});
}

TEST_CASE_FIXTURE(fixture, "a proposal is answered once, after it is applied") {
  driver.propose(70, "put");
  driver.propose(71, "get");
  CHECK(told() == lines{"propose 1 put", "propose 2 get"});
  CHECK(driver.proposals() == 2);
  CHECK(drain(entries(1, 2)) == lines{"apply 1-2"});
  CHECK(apply_up_to(2, {{2, "two"}, {1, "one"}}) == lines{"reply 71 two", "reply 70 one"});
  CHECK(driver.proposals() == 0);
  CHECK(apply_up_to(2, {{2, "two"}}) == lines{"unknown 2"});
  CHECK(drain(spi::refuse{1, spi::refusal::unknown, 0, "late"}) == lines{"unknown 1"});
}

TEST_CASE_FIXTURE(fixture, "a refusal goes to the request that it is for") {
  driver.propose(70, "put");
  driver.read(80, spi::read_level::linearizable);
  driver.reconfigure(90, {{1, 2}, {}}, std::vector<spi::replica_id>{3});
  CHECK(told() == lines{"propose 1 put", "read 2", "lost 3", "reconfigure 3 2"});
  CHECK(drain(spi::refuse{2, spi::refusal::unknown, 0, "a read isn't refused like this"},
              spi::read_refused{1, 0, "nor a proposal like this"}) ==
        lines{"unknown 2", "unknown 1"});
  CHECK(drain(spi::refuse{3, spi::refusal::unknown, 0, "a"}, spi::read_refused{2, 0, "b"},
              spi::refuse{1, spi::refusal::not_proposed, 0, "c"}) ==
        lines{"refuse 90 a", "refuse read 80 b", "refuse 70 c"});
}

TEST_CASE_FIXTURE(fixture, "reads wait until their index is applied, and are answered together") {
  for (request_handle read = 80; read < 84; ++read)
    driver.read(read, spi::read_level::linearizable);
  CHECK(drain(spi::read_ready{1, 0}, spi::read_ready{2, 3}, spi::read_ready{3, 2},
              spi::read_ready{4, 3}, entries(1, 3)) == lines{"apply 1-3", "answer reads 80"});
  CHECK(apply_up_to(1) == lines{});
  CHECK(apply_up_to(2) == lines{"answer reads 82"});
  CHECK(apply_up_to(3) == lines{"answer reads 81,83"});
  CHECK(drain(spi::read_ready{4, 3}) == lines{"unknown 4"});
}

// -- validation -------------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a verdict given at once is told after the other effects of the drain") {
  env.verdict = std::optional<std::string>{"too large"};
  CHECK(drain(spi::validate{5, "put"}, spi::send{2, "a", 0}) ==
        lines{"validate 5", "transmit 2 a 0", "transmit 2 vote 5 0"});
  CHECK(told() == lines{"validated 5 false too large"});
}

TEST_CASE_FIXTURE(fixture, "a verdict that comes later is an event, and is told once") {
  drain(spi::validate{5, "put"}, spi::validate{6, "put"});
  auto scheduled = env.drains_scheduled;
  driver.on_validated(6, std::nullopt);
  CHECK(told() == lines{"validated 6 true "});
  CHECK(env.drains_scheduled == scheduled + 1);
  driver.on_validated(6, std::nullopt);
  CHECK(told() == lines{});
  driver.on_validated(5, std::nullopt);
  CHECK(told() == lines{"validated 5 true "});
}

// -- snapshots and members --------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a snapshot that arrived replaces the entries up to its index") {
  driver.read(80, spi::read_level::linearizable);
  drain(entries(1, 2), spi::read_ready{1, 9});
  driver.on_snapshot_arrived(9, "blob");
  CHECK(told() == lines{"read 1", "received 9 blob"});
  CHECK(drain(spi::install_snapshot{9}) == lines{"install 9"});
  CHECK(driver.installing());
  driver.on_snapshot_arrived(12, "dropped");
  CHECK(told() == lines{});
  CHECK(drain(entries(10, 10)) == lines{"apply 10-10"});
  CHECK(after([&] { driver.on_installed(9); }) == lines{"answer reads 80"});
  CHECK(told() == lines{"installed 9"});
  CHECK_FALSE(driver.installing());
  driver.on_snapshot_arrived(12, "again");
  CHECK(told() == lines{"received 12 again"});
}

TEST_CASE_FIXTURE(fixture, "only a snapshot that arrived, and that is ahead, is installed") {
  drain(entries(1, 3));
  driver.on_snapshot_arrived(3, "");
  SUBCASE("another one arrived") {
    CHECK(drain(spi::install_snapshot{4}) ==
          lines{"failure installs a snapshot up to 4 that it didn't receive"});
  }
  SUBCASE("its entries were delivered") {
    CHECK(drain(spi::install_snapshot{3}) ==
          lines{"failure installs a snapshot up to 3 after applying 3"});
  }
  SUBCASE("another one is being installed") {
    driver.on_snapshot_arrived(5, "");
    CHECK(drain(spi::install_snapshot{5}, spi::install_snapshot{5}) ==
          lines{"install 5",
                "failure installs a snapshot up to 5 while another one is being installed"});
  }
}

TEST_CASE_FIXTURE(fixture, "the members are those of the birth until the protocol names others") {
  CHECK(driver.members().voters == std::vector<spi::replica_id>{1, 2, 3});
  CHECK(drain(spi::members_changed{{1, 2}, {4}}) == lines{"members"});
  CHECK(driver.members().voters == std::vector<spi::replica_id>{1, 2});
  CHECK(driver.members().learners == std::vector<spi::replica_id>{4});
}

// -- the end ----------------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a protocol that throws isn't called again") {
  driver.propose(70, "put");
  drain(record(1), spi::send{2, "a", 1});
  told();
  SUBCASE("from an event") {
    CHECK(after([&] { driver.call([](auto& it) { it.step(2, "throw"); }); }) ==
          lines{"failure on purpose"});
  }
  SUBCASE("from an event, something odd") {
    CHECK(after([&] { driver.call([](auto& it) { it.step(2, "throw a number"); }); }) ==
          lines{"failure something that is no std::exception"});
  }
  SUBCASE("from drain") {
    protocol.throws_from_drain = true;
    CHECK(drain() == lines{"failure no effects"});
  }
  SUBCASE("from a question") {
    CHECK(after([&] { CHECK(driver.snapshot_blob(1) == std::nullopt); }) ==
          lines{"failure no blob"});
  }
  CHECK(env.failure == driver_failure::threw);
  CHECK(driver.stopped());
  CHECK(after([&] {
          driver.call([](auto& it) { it.step(2, "more"); });
          driver.on_durable(1);
          driver.on_entries_applied(0, {});
          driver.on_snapshot_arrived(3, "");
          driver.on_installed(3);
          driver.drain();
        }) == lines{});
  CHECK(told() == lines{});
  CHECK(driver.deadline() == spi::timestamp::max());
}

TEST_CASE_FIXTURE(fixture, "a protocol that can't go on stops with its reason") {
  CHECK(drain(spi::fatal{"a record is damaged"}, spi::send{2, "a", 0}) ==
        lines{"failure a record is damaged"});
  CHECK(env.failure == driver_failure::fatal);
}

TEST_CASE_FIXTURE(fixture, "a replica that crashes before an effect does nothing of what follows") {
  env.stops_at_step = 2;
  CHECK(drain(spi::send{2, "a", 0}, spi::send{2, "b", 0}, spi::send{2, "c", 0}) ==
        lines{"transmit 2 a 0"});
  CHECK(drain() == lines{});
}

TEST_CASE_FIXTURE(fixture, "a replica may crash between two messages that waited, and after them") {
  drain(record(1), spi::send{2, "a", 1}, spi::send{3, "b", 1});
  told();
  SUBCASE("between") {
    env.stops_at_step = 2;
    CHECK(after([&] { driver.on_durable(1); }) == lines{"transmit 2 a 1"});
  }
  SUBCASE("after") {
    env.stops_at_step = 3;
    CHECK(after([&] { driver.on_durable(1); }) == lines{"transmit 2 a 1", "transmit 3 b 1"});
  }
  CHECK(told() == lines{});
}

TEST_CASE_FIXTURE(fixture, "each event asks for one drain") {
  driver.propose(70, "put");
  CHECK(env.drains_scheduled == 1);
  driver.call([](auto& it) {
    it.step(2, "a");
    it.step(2, "b");
  });
  CHECK(env.drains_scheduled == 2);
  CHECK(told() == lines{"propose 1 put", "step 2 a", "step 2 b"});
}
