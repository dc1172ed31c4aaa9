#include "../mutant.hpp"
#include "entry_log.hpp"
#include "scenario.hpp"

#include <doctest/doctest.h>

#include <algorithm>

/// Mutation tests: each mutant has a mistake that real protocols have shipped with, or nearly so;
/// the checkers must detect it within a few seeds and classify it correctly. Where a few seeds are
/// not reliable, a scripted scenario provokes the mistake.
using namespace two_phase_commit;
using namespace atl::two_phase;
using atl::sim::simulate;
using under_test::mutant;
using kind = atl::sim::violation_kind;
namespace spi = atl::spi;

namespace {

/// A factory of replicas that all have the mutation.
template <class Mutant>
atl::sim::consensus_factory with_mutation() {
  return [](const spi::consensus_setup& setup) {
    return std::make_unique<Mutant>(factory()(setup), setup);
  };
}

/// How to search for a mutation's failure.
struct search_plan {
  std::uint64_t seeds = 0; ///< number of seeds within which the failure must occur
  std::vector<kind> by;    ///< the accepted kinds of violation
  std::function<void(atl::sim::simulation_options&)> change{};
  std::uint64_t otherwise = 0; ///< number of earlier seeds that may fail with other kinds
};

/// Runs seeds until one fails as expected. The same seed must pass without the mutation.
template <class Mutant>
void must_be_caught(const search_plan& how) {
  std::uint64_t otherwise = 0;
  for (std::uint64_t seed = 1; seed <= how.seeds; ++seed) {
    auto setting = options(seed, 3);
    if (how.change)
      how.change(setting);
    auto report = simulate(setting, with_mutation<Mutant>());
    if (report.ok)
      continue;
    if (std::find(how.by.begin(), how.by.end(), report.kind) == how.by.end()) {
      CHECK_MESSAGE(++otherwise <= how.otherwise, "seed ", seed,
                    " fails in another way: ", report.reason);
      continue;
    }
    MESSAGE("caught by seed ", seed, ": ", report.reason,
            "; failed in other ways before: ", otherwise);
    auto unmutated = simulate(setting, factory());
    CHECK_MESSAGE(unmutated.ok, "without the mistake: ", unmutated.reason);
    return;
  }
  FAIL_CHECK("not caught within " << how.seeds << " seeds; failed in other ways: " << otherwise);
}

/// Runs a scenario with and without the mutation: it must fail with `violation` only with it.
template <class Mutant>
void must_be_caught_by(std::string_view violation, const std::function<void(group&)>& scenario) {
  for (bool mutated : {true, false}) {
    CAPTURE(mutated);
    group it{3, {}, true, mutated ? with_mutation<Mutant>() : factory()};
    it.await_leader();
    scenario(it);
    CAPTURE(it.violation());
    CHECK(contains(it.violation(), violation) == mutated);
    CHECK(it.violation().empty() != mutated);
  }
}

/// All replicas prepare index 1, and the coordinator aborts it without telling the others.
void abort_without_announcing(group& it) {
  it.filter([](auto from, auto, std::string_view bytes) {
    auto type = group::type_of(bytes);
    auto lost = type == message_type::decide || (type == message_type::vote && from == 3);
    return lost ? filter_action::drop : filter_action::pass;
  });
  it.must_refuse(it.write(7));
}

// -- what may happen --------------------------------------------------------------------------

/// A heavy workload without faults or spares.
void load_heavily(atl::sim::simulation_options& it) {
  it.spares = 0;
  it.faults = atl::sim::fault_set::none();
  it.workload.think = std::chrono::milliseconds{2};
}
void crash_under_load(atl::sim::simulation_options& it) {
  load_heavily(it);
  it.faults.crashes = it.faults.mass_crashes = true;
}
/// Adds slow disks, and hosts that apply late.
void crash_with_slow_disks(atl::sim::simulation_options& it) {
  crash_under_load(it);
  it.faults.lazy_hosts = it.faults.disk_stalls = it.faults.loss = true;
}
void reject_under_load(atl::sim::simulation_options& it) {
  load_heavily(it);
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
void tolerate_stops(atl::sim::simulation_options& it) {
  it.fatal_is_failure = false; // a replica that hears that it was declared lost stops itself
  it.demand_liveness = false;
}

// -- the mistakes -----------------------------------------------------------------------------

/// Sends votes and acknowledgements before they are durable.
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

/// The coordinator counts its own vote and announces aborts before they are durable.
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

/// The coordinator forgets its decisions at a restart: it commits an entry that it had aborted, if
/// all replicas have prepared it since.
class forgets_decisions : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    if (self() == 1)
      drop_records(stable, [](auto& it) { return it.stream == decision_stream; });
    mutant::start(std::move(stable), applied, now);
  }
};

/// A participant forgets entries in doubt at a restart (CUBRID #7554).
class forgets_entries_in_doubt : public mutant {
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

/// A starting participant assumes that entries without a decision were aborted.
class guesses_aborts : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    std::vector<spi::stable_record> guesses;
    for (auto& it : stable.records) {
      auto decided = [&](auto& other) {
        return other.stream == decision_stream && other.index == it.index;
      };
      if (is_guessing() && std::none_of(stable.records.begin(), stable.records.end(), decided))
        guesses.push_back(
            {decision_stream, it.index, spi::record_state::ok, encode_decision_record(false)});
    }
    stable.records.insert(stable.records.end(), guesses.begin(), guesses.end());
    mutant::start(std::move(stable), applied, now);
  }

 private:
  virtual bool is_guessing() const { return self() != 1; }
};

/// A restarted coordinator aborts entries that its previous incarnation may have committed.
class aborts_open_entries_of_itself : public guesses_aborts {
 public:
  using guesses_aborts::guesses_aborts;

 private:
  bool is_guessing() const override { return self() == 1; }
};

/// Treats a damaged record as a missing one.
class treats_corrupt_as_missing : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    drop_records(stable, [](auto& it) { return it.state == spi::record_state::corrupt; });
    mutant::start(std::move(stable), applied, now);
  }
};

/// A participant with an empty disk assumes that the group is new.
class serves_from_an_empty_disk : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    if (self() != 1 && !stable.meta)
      stable.meta = encode_meta({{1, 2, 3}, 0, true, 1});
    mutant::start(std::move(stable), applied, now);
  }
};

/// Reads do not wait for entries in doubt.
class reads_past_entries_in_doubt : public mutant {
 public:
  using mutant::mutant;
  void read(spi::request_id id, spi::read_level) override {
    mutant::read(id, spi::read_level::local);
  }
};

/// A participant votes yes instead of no, without a durable prepare.
class votes_yes_for_no : public mutant {
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

/// Refuses a proposal as not proposed that is committed later.
class refuses_what_it_proposed : public mutant {
 public:
  using mutant::mutant;
  void propose(spi::request_id id, std::string command) override {
    mutant::propose(id, std::move(command));
    if (id % 50 == 0)
      refused_early_ = id;
  }
  void drain(std::vector<spi::effect>& out) override {
    mutant::drain(out);
    if (refused_early_ == 0)
      return;
    auto answered = [this](auto& it) {
      auto refused = std::get_if<spi::refuse>(&it);
      return refused && refused->id == refused_early_;
    };
    if (std::none_of(out.begin(), out.end(), answered))
      out.push_back(spi::refuse{refused_early_, spi::refusal::not_proposed, 0, "took too long"});
    refused_early_ = 0;
  }

 private:
  spi::request_id refused_early_ = 0;
};

/// Delivers an entry twice.
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

/// Omits an entry from some batches for the state machine.
class skips_an_entry : public mutant {
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

/// Requests no timer after the first second, so lost messages are never resent.
class stops_timers : public mutant {
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

/// Requests an immediate timer without end.
class requests_timers_forever : public mutant {
 public:
  using mutant::mutant;
  spi::timestamp deadline() const override { return spi::timestamp{0}; }
};

/// Every replica reports itself as the leader.
class all_claim_leadership : public mutant {
 public:
  using mutant::mutant;
  void drain(std::vector<spi::effect>& out) override {
    mutant::drain(out);
    for (auto& it : out)
      if (auto role = std::get_if<spi::role_changed>(&it))
        role->role = spi::replica_role::leader;
  }
};

/// Declares removed replicas lost, so that their votes are not required.
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

/// A learner answers linearizable reads from its applied state.
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

/// Forgets membership changes at a restart.
class forgets_the_group : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    change_meta(stable, [](auto& meta) { meta.groups.clear(); });
    mutant::start(std::move(stable), applied, now);
  }
};

/// A replica that restarts during a takeover treats entries left open by its predecessor as its
/// own.
class treats_predecessor_entries_as_own : public mutant {
 public:
  using mutant::mutant;
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    change_meta(stable, [](auto& meta) { meta.was_participant = false; });
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
      {100, {kind::not_linearizable, kind::divergence}, crash_under_load});
}
TEST_CASE("caught: a decision is announced before it is durable") {
  must_be_caught<decides_before_durable>(
      {100,
       {kind::not_linearizable, kind::divergence, kind::refused_yet_committed},
       crash_with_slow_disks});
}
TEST_CASE("caught: a coordinator forgets its decisions when it restarts") {
  must_be_caught_by<forgets_decisions>("index 1 is a command on replica", [](group& it) {
    abort_without_announcing(it);
    it.crash(1, 9);
    it.pass_all_messages();
    it.restart(1);
    it.run_for(seconds{5});
  });
}
TEST_CASE("caught: a coordinator aborts entries that an earlier incarnation left open") {
  must_be_caught<aborts_open_entries_of_itself>(
      {20, {kind::not_linearizable, kind::divergence}, crash_under_load});
}
TEST_CASE("caught: a participant forgets entries in doubt when it restarts") {
  must_be_caught<forgets_entries_in_doubt>({20, {kind::not_linearizable}, crash_under_load});
}
TEST_CASE("caught: a participant in doubt guesses that it was an abort") {
  must_be_caught<guesses_aborts>({20, {kind::divergence}, tolerate_stops});
}
TEST_CASE("caught: a damaged record is taken for a missing one") {
  must_be_caught_by<treats_corrupt_as_missing>("index 1 is nothing on replica", [](group& it) {
    it.on_messages(message_type::decide, filter_action::drop);
    it.must_write(7); // answered, and no other replica knows the decision
    it.crash(2, 9);
    REQUIRE(it.damage(2, prepare_stream, 1));
    it.lose_disk(1);
    it.pass_all_messages();
    it.restart(1);
    it.restart(2);
    it.run_for(seconds{5});
  });
}
TEST_CASE("caught: a replica serves from a disk that came back empty") {
  must_be_caught<serves_from_an_empty_disk>(
      {20, {kind::not_linearizable, kind::divergence}, lose_disks});
}
TEST_CASE("caught: reads do not wait for entries in doubt") {
  must_be_caught<reads_past_entries_in_doubt>({20, {kind::not_linearizable}});
}
TEST_CASE("caught: a participant votes yes and stores nothing") {
  must_be_caught<votes_yes_for_no>({100, {kind::not_linearizable}, reject_under_load});
}
TEST_CASE("caught: a proposal refused as not proposed is committed later") {
  // A refused change of the members shows as a second answer to its request.
  must_be_caught<refuses_what_it_proposed>({20, {kind::refused_yet_committed}, {}, 1});
}
TEST_CASE("caught: an entry is applied twice") {
  must_be_caught<applies_twice>({20, {kind::interface_broken}});
}
TEST_CASE("caught: an entry is left out") {
  must_be_caught<skips_an_entry>({20, {kind::interface_broken}});
}
TEST_CASE("caught: lost messages are never resent") {
  must_be_caught<stops_timers>({20, {kind::not_live}, only_lose_messages});
}
TEST_CASE("caught: a protocol requests immediate timers without end") {
  must_be_caught<requests_timers_forever>({5, {kind::unbounded}});
}
TEST_CASE("caught: two leaders in one term") {
  must_be_caught<all_claim_leadership>({5, {kind::two_leaders}});
}
TEST_CASE("caught: a silent member is removed without its vote") {
  // A removed coordinator continues to lead; a removed participant continues to serve reads.
  must_be_caught<removes_without_a_vote>({20, {kind::two_leaders}, tolerate_stops});
  must_be_caught<removes_without_a_vote>({100, {kind::not_linearizable}, tolerate_stops, 2});
}
TEST_CASE("caught: a learner answers reads") {
  must_be_caught<reads_as_a_learner>({20, {kind::not_linearizable}});
}
TEST_CASE("caught: a replica forgets on restart that the group has changed") {
  must_be_caught<forgets_the_group>(
      {50, {kind::divergence, kind::not_linearizable}, tolerate_stops});
}
TEST_CASE("caught: a successor commits an entry that may be aborted") {
  must_be_caught_by<treats_predecessor_entries_as_own>(
      "index 1 holds proposal 1, which was refused as not proposed", [](group& it) {
        abort_without_announcing(it);
        it.lose_disk(1);
        it.pass_all_messages();
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
