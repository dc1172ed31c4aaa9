#include "../mutant.hpp"
#include "entry_log.hpp"
#include "scenario.hpp"

#include <doctest/doctest.h>

#include <algorithm>

/// Does the simulator see a mistake when there is one? Each of these is a mistake that a protocol
/// has really been shipped with, or nearly so; the checkers must catch it within a few seeds, as
/// what it is. Where a few seeds can't be relied upon, a story tells what has to happen.
using namespace two_phase_commit;
using namespace atl::two_phase;
using atl::sim::simulate;
using under_test::mutant;
using kind = atl::sim::violation_kind;
namespace spi = atl::spi;

namespace {

/// A factory of replicas that all have the mistake.
template <class Mutant>
atl::sim::consensus_factory mistaken() {
  return [](const spi::consensus_setup& setup) {
    return std::make_unique<Mutant>(factory()(setup), setup);
  };
}

/// How a mistake is looked for.
struct hunt {
  std::uint64_t seeds = 0; ///< it must be found within so many
  std::vector<kind> by;    ///< in one of these ways, which are what the mistake leads to
  std::function<void(atl::sim::simulation_options&)> change{};
  std::uint64_t otherwise = 0; ///< so many seeds may fail in other ways before
};

/// Runs until a seed finds it. The same seed must be fine without the mistake.
template <class Mutant>
void must_be_caught(const hunt& how) {
  std::uint64_t otherwise = 0;
  for (std::uint64_t seed = 1; seed <= how.seeds; ++seed) {
    auto setting = options(seed, 3);
    if (how.change)
      how.change(setting);
    auto report = simulate(setting, mistaken<Mutant>());
    if (report.ok)
      continue;
    if (std::find(how.by.begin(), how.by.end(), report.kind) == how.by.end()) {
      CHECK_MESSAGE(++otherwise <= how.otherwise, "seed ", seed,
                    " fails in another way: ", report.reason);
      continue;
    }
    MESSAGE("caught by seed ", seed, ": ", report.reason,
            "; failed in other ways before: ", otherwise);
    auto right = simulate(setting, factory());
    CHECK_MESSAGE(right.ok, "without the mistake: ", right.reason);
    return;
  }
  FAIL_CHECK("not caught within " << how.seeds << " seeds; failed in other ways: " << otherwise);
}

/// Tells one story twice, in which index 1 is decided: with the mistake it is decided otherwise
/// as well, which is how it is found.
template <class Mutant>
void must_be_caught_by(std::string_view violation, const std::function<void(group&)>& story) {
  for (bool mistake : {true, false}) {
    CAPTURE(mistake);
    group it{3, {}, true, mistake ? mistaken<Mutant>() : factory()};
    it.settle();
    story(it);
    CAPTURE(it.violation());
    CHECK(contains(it.violation(), violation) == mistake);
    CHECK(it.violation().empty() != mistake);
  }
}

/// All have prepared index 1, the coordinator has aborted it, and nobody else knows.
void refuse_and_tell_nobody(group& it) {
  it.filter([](auto from, auto, std::string_view bytes) {
    auto type = group::type_of(bytes);
    auto lost = type == message_type::decide || (type == message_type::vote && from == 3);
    return lost ? filter_action::drop : filter_action::pass;
  });
  it.must_refuse(it.write(7));
}

// -- what may happen --------------------------------------------------------------------------

/// Much is under way at any time, to all replicas that there are.
void busily(atl::sim::simulation_options& it) {
  it.spares = 0;
  it.faults = atl::sim::fault_set::none();
  it.workload.think = std::chrono::milliseconds{2};
}
void crash_busily(atl::sim::simulation_options& it) {
  busily(it);
  it.faults.crashes = it.faults.mass_crashes = true;
}
/// What was applied may be forgotten, and the way to the disk is long.
void crash_slowly(atl::sim::simulation_options& it) {
  crash_busily(it);
  it.faults.lazy_hosts = it.faults.disk_stalls = it.faults.loss = true;
}
void object_busily(atl::sim::simulation_options& it) {
  busily(it);
  it.faults.objections = it.faults.loss = it.faults.reordering = true;
}
void only_lose_messages(atl::sim::simulation_options& it) {
  it.spares = 0;
  it.faults = atl::sim::fault_set::none();
  it.faults.loss = true;
}
void lose_disks(atl::sim::simulation_options& it) {
  it.faults.losable = {2, 3};
}
void go_on_after_stops(atl::sim::simulation_options& it) {
  it.fatal_is_failure = false; // one that hears that it is lost would stop
  it.demand_liveness = false;
}

// -- the mistakes -----------------------------------------------------------------------------

/// "The disk is fast": votes and acknowledgements don't wait for it.
class sends_before_durable : public mutant {
 public:
  using mutant::mutant;
  void drain(std::vector<spi::effect>& out) override {
    mutant::drain(out);
    for (auto& it : out)
      if (auto message = std::get_if<spi::send>(&it))
        message->after = 0;
  }
};

/// The coordinator tells of what is on its way to the disk: its own vote, and aborts.
class decides_before_durable : public mutant {
 public:
  using mutant::mutant;
  void drain(std::vector<spi::effect>& out) override {
    auto first = out.size();
    mutant::drain(out);
    spi::persist_token last = 0;
    for (auto i = first; i < out.size(); ++i)
      if (auto it = std::get_if<spi::persist>(&out[i]))
        last = it->token;
    if (self() != 1 || last == 0)
      return;
    inner().on_durable(last);
    mutant::drain(out);
  }
};

template <class Drop>
void drop_records(spi::stable_state& stable, Drop drop) {
  std::erase_if(stable.records, drop);
}

/// The coordinator's decisions don't survive a restart: it commits what it had aborted, if all have
/// it by then.
class forgets_decisions : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    if (self() == 1)
      drop_records(stable, [](auto& it) { return it.stream == decision_stream; });
    mutant::start(std::move(stable), applied, now);
  }
};

/// A participant forgets on restart what it holds in doubt (CUBRID #7554).
class forgets_doubts : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    if (self() != 1)
      drop_records(stable, [&stable](auto& it) {
        auto decided = [&](auto& other) {
          return other.stream == decision_stream && other.index == it.index;
        };
        return std::none_of(stable.records.begin(), stable.records.end(), decided);
      });
    mutant::start(std::move(stable), applied, now);
  }
};

/// What has no decision was aborted, it seems to one that starts.
class guesses_aborts : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    std::vector<spi::stable_record> guesses;
    for (auto& it : stable.records) {
      auto decided = [&](auto& other) {
        return other.stream == decision_stream && other.index == it.index;
      };
      if (guesses_here() && std::none_of(stable.records.begin(), stable.records.end(), decided))
        guesses.push_back(
            {decision_stream, it.index, spi::record_state::ok, encode_decision_record(false)});
    }
    stable.records.insert(stable.records.end(), guesses.begin(), guesses.end());
    mutant::start(std::move(stable), applied, now);
  }

 private:
  virtual bool guesses_here() const { return self() != 1; }
};

/// The coordinator's next incarnation aborts what its last one may have committed.
class aborts_what_it_left_open : public guesses_aborts {
 public:
  using guesses_aborts::guesses_aborts;

 private:
  bool guesses_here() const override { return self() == 1; }
};

/// Damaged is taken for missing.
class takes_corrupt_for_absent : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    drop_records(stable, [](auto& it) { return it.state == spi::record_state::corrupt; });
    mutant::start(std::move(stable), applied, now);
  }
};

/// A participant with an empty disk takes the group for a new one.
class serves_from_an_empty_disk : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    if (self() != 1 && !stable.meta)
      stable.meta = encode_meta({{1, 2, 3}, 0, true, 1});
    mutant::start(std::move(stable), applied, now);
  }
};

/// Reads don't wait for indexes in doubt.
class reads_past_doubts : public mutant {
 public:
  using mutant::mutant;
  void read(spi::request_id id, spi::read_level) override {
    mutant::read(id, spi::read_level::local);
  }
};

/// A participant that should say no says yes, and has nothing on disk.
class says_yes_for_no : public mutant {
 public:
  using mutant::mutant;
  void drain(std::vector<spi::effect>& out) override {
    mutant::drain(out);
    for (auto& it : out)
      if (auto message = std::get_if<spi::send>(&it))
        lie(*message);
  }

 private:
  static void lie(spi::send& message) {
    spi::reader in{message.bytes};
    auto head = read_header(in);
    std::vector<vote_entry> votes;
    if (!head || head->type != message_type::vote || !decode(in, votes))
      return;
    spi::writer out;
    write_header(out, *head);
    out.put(static_cast<std::uint32_t>(votes.size()));
    for (auto& it : votes)
      out.put(it.index).put(true).put(it.reason);
    message.bytes = out.take();
  }
};

/// Tells a client "surely not", and then it happens.
class refuses_what_it_proposed : public mutant {
 public:
  using mutant::mutant;
  void propose(spi::request_id id, std::string command) override {
    mutant::propose(id, std::move(command));
    if (id % 50 == 0)
      impatient_ = id;
  }
  void drain(std::vector<spi::effect>& out) override {
    mutant::drain(out);
    if (impatient_ == 0)
      return;
    auto answered = [this](auto& it) {
      auto refused = std::get_if<spi::refuse>(&it);
      return refused && refused->id == impatient_;
    };
    if (std::none_of(out.begin(), out.end(), answered))
      out.push_back(spi::refuse{impatient_, spi::refusal::not_proposed, 0, "took too long"});
    impatient_ = 0;
  }

 private:
  spi::request_id impatient_ = 0;
};

/// Applies an entry twice.
class applies_twice : public mutant {
 public:
  using mutant::mutant;
  void drain(std::vector<spi::effect>& out) override {
    mutant::drain(out);
    for (auto& it : out)
      if (auto some = std::get_if<spi::apply>(&it); some && ++count_ % 40 == 0)
        some->entries.push_back(some->entries.back());
  }

 private:
  int count_ = 0;
};

/// Loses an entry on its way to the state machine, once in a while.
class leaves_a_gap : public mutant {
 public:
  using mutant::mutant;
  void drain(std::vector<spi::effect>& out) override {
    mutant::drain(out);
    for (auto& it : out)
      if (auto some = std::get_if<spi::apply>(&it);
          some && some->entries.size() > 1 && ++count_ % 3 == 0)
        some->entries.erase(some->entries.begin());
  }

 private:
  int count_ = 0;
};

/// Asks for no timer after the first second: what gets lost is never sent again.
class sleeps : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    began_ = now;
    mutant::start(std::move(stable), applied, now);
  }
  spi::timestamp deadline() const override {
    return asleep_ ? spi::timestamp::max() : mutant::deadline();
  }
  void advance(spi::timestamp now) override {
    asleep_ = now > began_ + std::chrono::seconds{1};
    if (!asleep_)
      mutant::advance(now);
  }

 private:
  bool asleep_ = false;
  spi::timestamp began_{0};
};

/// Always wants to be called at once.
class spins : public mutant {
 public:
  using mutant::mutant;
  spi::timestamp deadline() const override { return spi::timestamp{0}; }
};

/// Every replica thinks that it leads.
class all_lead : public mutant {
 public:
  using mutant::mutant;
  void drain(std::vector<spi::effect>& out) override {
    mutant::drain(out);
    for (auto& it : out)
      if (auto role = std::get_if<spi::role_changed>(&it))
        role->role = spi::replica_role::leader;
  }
};

/// Whoever is to go is declared lost, so that nobody has to wait for its vote.
class removes_without_a_vote : public mutant {
 public:
  using mutant::mutant;
  void reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                   std::vector<spi::replica_id> learners) override {
    for (spi::replica_id other = 1; other <= 5; ++other)
      if (std::find(voters.begin(), voters.end(), other) == voters.end())
        inner().declare_lost(other);
    mutant::reconfigure(id, std::move(voters), std::move(learners));
  }
};

/// A learner takes what it has applied for current.
class reads_as_a_learner : public mutant {
 public:
  using mutant::mutant;
  void read(spi::request_id id, spi::read_level level) override {
    auto learns = mutant::status().role == spi::replica_role::learner;
    mutant::read(id, learns ? spi::read_level::local : level);
  }
};

template <class Change>
void change_meta(spi::stable_state& stable, Change change) {
  meta_record meta;
  if (!stable.meta || !decode_meta(*stable.meta, meta))
    return;
  change(meta);
  stable.meta = encode_meta(meta);
}

/// On restart the group is the one of its birth again.
class forgets_the_group : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    change_meta(stable, [](auto& meta) { meta.groups.clear(); });
    mutant::start(std::move(stable), applied, now);
  }
};

/// One that takes over, and restarts meanwhile, takes what another one left open for its own.
class takes_over_as_if_it_had_led : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    change_meta(stable, [](auto& meta) { meta.follows = false; });
    mutant::start(std::move(stable), applied, now);
  }
};

class throws : public mutant {
 public:
  using mutant::mutant;
  void on_unreachable(spi::replica_id) override { throw std::logic_error{"no such replica"}; }
};

} // namespace

TEST_CASE("caught: a vote leaves before it is durable") {
  must_be_caught<sends_before_durable>(
      {100, {kind::not_linearizable, kind::divergence}, crash_busily});
}
TEST_CASE("caught: a decision is told before it is durable") {
  must_be_caught<decides_before_durable>(
      {100, {kind::not_linearizable, kind::divergence, kind::refused_yet_committed}, crash_slowly});
}
TEST_CASE("caught: a coordinator forgets its decisions when it restarts") {
  must_be_caught_by<forgets_decisions>("index 1 is a command on replica", [](group& it) {
    refuse_and_tell_nobody(it);
    it.crash(1, 9);
    it.all_messages_pass();
    it.restart(1);
    it.run_for(seconds{5});
  });
}
TEST_CASE("caught: a coordinator aborts what an earlier incarnation of it left open") {
  must_be_caught<aborts_what_it_left_open>(
      {20, {kind::not_linearizable, kind::divergence}, crash_busily});
}
TEST_CASE("caught: a participant forgets its doubts when it restarts") {
  must_be_caught<forgets_doubts>({20, {kind::not_linearizable}, crash_busily});
}
TEST_CASE("caught: a participant in doubt guesses that it was an abort") {
  must_be_caught<guesses_aborts>({20, {kind::divergence}, go_on_after_stops});
}
TEST_CASE("caught: a damaged record is taken for a missing one") {
  must_be_caught_by<takes_corrupt_for_absent>("index 1 is nothing on replica", [](group& it) {
    it.on_messages(message_type::decide, filter_action::drop);
    it.must_write(7); // answered, and nobody else knows
    it.crash(2, 9);
    REQUIRE(it.damage(2, prepare_stream, 1));
    it.lose_disk(1);
    it.all_messages_pass();
    it.restart(1);
    it.restart(2);
    it.run_for(seconds{5});
  });
}
TEST_CASE("caught: a replica serves from a disk that came back empty") {
  must_be_caught<serves_from_an_empty_disk>(
      {20, {kind::not_linearizable, kind::divergence}, lose_disks});
}
TEST_CASE("caught: reads don't wait for indexes in doubt") {
  must_be_caught<reads_past_doubts>({20, {kind::not_linearizable}});
}
TEST_CASE("caught: a participant says yes and stores nothing") {
  must_be_caught<says_yes_for_no>({100, {kind::not_linearizable}, object_busily});
}
TEST_CASE("caught: a refusal that says surely not, of what is decided later") {
  must_be_caught<refuses_what_it_proposed>({20, {kind::refused_yet_committed}});
}
TEST_CASE("caught: an entry is applied twice") {
  must_be_caught<applies_twice>({20, {kind::interface_broken}});
}
TEST_CASE("caught: an entry is left out") {
  must_be_caught<leaves_a_gap>({20, {kind::interface_broken}});
}
TEST_CASE("caught: nothing is repeated, so nothing goes on after the faults have stopped") {
  must_be_caught<sleeps>({20, {kind::not_live}, only_lose_messages});
}
TEST_CASE("caught: a protocol that wants to be called without end") {
  must_be_caught<spins>({5, {kind::unbounded}});
}
TEST_CASE("caught: two leaders in one term") {
  must_be_caught<all_lead>({5, {kind::two_leaders}});
}
TEST_CASE("caught: a member that is merely silent is put out without its vote") {
  // If it coordinates, it leads on beside the next one; if not, it answers reads.
  must_be_caught<removes_without_a_vote>({20, {kind::two_leaders}, go_on_after_stops});
  must_be_caught<removes_without_a_vote>({100, {kind::not_linearizable}, go_on_after_stops, 2});
}
TEST_CASE("caught: a learner answers reads") {
  must_be_caught<reads_as_a_learner>({20, {kind::not_linearizable}});
}
TEST_CASE("caught: a replica forgets on restart that the group has changed") {
  must_be_caught<forgets_the_group>(
      {50, {kind::divergence, kind::not_linearizable}, go_on_after_stops});
}
TEST_CASE("caught: one that takes over commits what may be aborted") {
  must_be_caught_by<takes_over_as_if_it_had_led>(
      "index 1 holds proposal 1, which was refused as surely not proposed", [](group& it) {
        refuse_and_tell_nobody(it);
        it.lose_disk(1);
        it.all_messages_pass();
        it.isolate(3);
        it.declare_lost(2, 1);
        it.run_for(seconds{2});
        it.crash(2, 9);
        it.restart(2);
        it.heal_network();
        it.run_for(seconds{5});
      });
}
TEST_CASE("caught: a protocol that throws") {
  must_be_caught<throws>({20, {kind::threw}});
}
