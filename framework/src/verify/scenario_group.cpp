#include "scenario_group.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t session = 1;
constexpr std::uint64_t first_own_session = 1'000'000; ///< of `write_at`

sim::simulation_options scripted(const scenario_setting& setting, std::uint32_t replicas,
                                 const scenario_group::details& how) {
  auto it = setting.protocol.simulation(how.seed, replicas);
  it.fatal_is_failure = false; // see `must_have_no_violation`
  it.exceptions_stop_replicas = true;
  it.ids = setting.ids;
  if (auto* observer = setting.observer) {
    if (observer->on_group)
      observer->on_group(fmt::format("a group of {} replicas, seed {}", replicas, how.seed));
    it.trace = observer->trace;
    it.observe = observer->observe;
  }
  return it;
}

} // namespace

scenario_group::scenario_group(const scenario_setting& setting, const details& how)
    : protocol_{setting.protocol}, size_{how.replicas != 0 ? how.replicas : setting.replicas},
      size_with_spares_{size_ + (setting.protocol.changes_members ? 2 : 0)},
      simulation_{scripted(setting, size_, how), setting.protocol.factory} {}

spi::replica_id scenario_group::leader() const {
  std::vector<replica_id> all(size_with_spares_);
  std::iota(all.begin(), all.end(), 1);
  return leader_of(all);
}

spi::replica_id scenario_group::leader_of(const std::vector<replica_id>& some) const {
  replica_id found = 0;
  for (auto id : some) {
    if (!simulation_.up(id))
      continue;
    auto status = simulation_.status(id);
    if (status.role == spi::replica_role::leader && status.blocked.empty() &&
        (found == 0 || status.term > simulation_.status(found).term))
      found = id;
  }
  return found;
}

spi::replica_id scenario_group::await_leader_of(const std::vector<replica_id>& some,
                                                std::uint64_t after,
                                                std::chrono::microseconds limit) {
  auto found = some.end();
  auto leads = [&](replica_id id) {
    return simulation_.up(id) && simulation_.status(id).role == spi::replica_role::leader &&
           term_of(id) > after;
  };
  simulation_.run_until(
      [&] {
        found = std::find_if(some.begin(), some.end(), leads);
        return found != some.end() || is_over();
      },
      limit);
  must_have_no_violation();
  return found != some.end() ? *found : 0;
}

bool scenario_group::make_lead(replica_id id) {
  for (int attempt = 0; attempt < 30; ++attempt) {
    auto now = leader();
    if (now == id)
      return true;
    if (now == 0) {
      await_leader_of(others({}));
    } else if (protocol_.transfers_leadership && attempt % 3 != 2) {
      simulation_.transfer(now, id);
      simulation_.run_for(300ms);
    } else {
      auto term = term_of(now);
      simulation_.isolate(now);
      await_leader_of(others({now}), term);
      simulation_.heal_network();
      simulation_.run_for(500ms);
    }
    must_have_no_violation();
  }
  return false;
}

std::vector<spi::replica_id> scenario_group::others(const std::vector<replica_id>& than) const {
  std::vector<replica_id> out;
  for (replica_id id = 1; id <= size_; ++id)
    if (std::find(than.begin(), than.end(), id) == than.end())
      out.push_back(id);
  return out;
}

void scenario_group::partition(const std::vector<std::vector<replica_id>>& sides) {
  simulation_.heal_network();
  auto side_of = [&](replica_id id) {
    return std::find_if(sides.begin(), sides.end(), [id](auto& side) {
      return std::find(side.begin(), side.end(), id) != side.end();
    });
  };
  for (replica_id from = 1; from <= size_; ++from)
    for (replica_id to = 1; to <= size_; ++to)
      if (from != to && (side_of(from) == sides.end() || side_of(from) != side_of(to)))
        simulation_.cut(from, to);
}

void scenario_group::drop_after(std::uint64_t messages) {
  simulation_.filter([left = messages](auto, auto, auto) mutable {
    if (left == 0)
      return sim::filter_action::drop;
    --left;
    return sim::filter_action::pass;
  });
}

bool scenario_group::try_to_add(std::chrono::microseconds limit) {
  auto until = simulation_.now() + limit;
  ++sequence_;
  while (simulation_.now() < until && !is_over()) {
    sim::register_command add{++tags_, session, sequence_, counter, sim::operation_kind::add,
                              1,       {}};
    auto& got = simulation_.await(simulation_.propose(next_target_, add), 2s);
    if (got.kind == sim::answer_kind::applied) {
      ++count_;
      if (got.result.result != count_)
        throw broken(fmt::format("the {}th increment of a counter made it {}", count_,
                                 got.result.result.value_or(0)));
      return true;
    }
    next_target_ = got.hint != 0 && got.hint <= size_with_spares_
                       ? got.hint
                       : next_target_ % size_with_spares_ + 1;
    simulation_.run_for(50ms);
  }
  --sequence_; // the next attempt repeats this increment
  must_have_no_violation();
  return false;
}

void scenario_group::add_one() {
  if (!try_to_add(60s))
    throw broken(fmt::format("at {} s no replica has answered a write for a minute",
                             simulation_.now().count() / 1'000'000));
}

sim::scripted_simulation::ticket scenario_group::write_at(replica_id at, std::size_t padding) {
  ++tags_;
  sim::register_command write{
      tags_, first_own_session + tags_, 1, counter + 1 + tags_ % 10, sim::operation_kind::write, 1,
      {}};
  return simulation_.propose(at, encode(write, padding));
}

void scenario_group::change_members(const std::vector<replica_id>& voters,
                                    const std::vector<replica_id>& learners) {
  for (int attempt = 0; attempt < 40; ++attempt) {
    if (simulation_.await(simulation_.reconfigure(leader_or_first(), voters, learners), 10s).kind ==
        sim::answer_kind::applied)
      return;
    must_have_no_violation();
    simulation_.run_for(300ms);
  }
  throw broken(fmt::format("a change to the voters {} was never answered", fmt::join(voters, ",")));
}

void scenario_group::must_read(replica_id at) {
  auto until = simulation_.now() + 60s;
  auto from = at != 0 ? at : next_target_;
  while (simulation_.now() < until && !is_over()) {
    auto& got = simulation_.await(simulation_.read(from, counter), 3s);
    if (got.kind == sim::answer_kind::read) {
      auto value = got.result.result.value_or(0);
      // An increment that is under way may or may not be seen.
      if (value < count_ || value > count_ + 1)
        throw broken(fmt::format("replica {} reads {}, and {} increments were answered before",
                                 from, value, count_));
      return;
    }
    if (at == 0)
      from = from % size_ + 1;
    simulation_.run_for(50ms);
  }
  must_have_no_violation();
  throw broken("no read was answered for a minute");
}

void scenario_group::read_at(replica_id id) {
  reads_.push_back({simulation_.read(id, counter), id, count_});
}

void scenario_group::must_have_read_fresh() {
  must_have_no_violation();
  if (!protocol_.linearizable_reads)
    return;
  for (auto& it : reads_)
    if (auto& got = simulation_.outcome(it.ticket);
        got.kind == sim::answer_kind::read && got.result.result.value_or(0) < it.count)
      throw broken(
          fmt::format("replica {} answered a read with {}, and {} increments were answered "
                      "before the read began",
                      it.at, got.result.result.value_or(0), it.count));
}

void scenario_group::must_agree() {
  auto agree = [this] {
    for (replica_id id = 1; id <= size_; ++id)
      if (!simulation_.up(id) || simulation_.applied(id) != simulation_.applied(1) ||
          simulation_.status(id).committed != simulation_.status(1).committed)
        return false;
    return true;
  };
  auto agreed = simulation_.run_until(agree, 60s);
  must_have_no_violation();
  if (!agreed)
    throw broken("the replicas don't agree within a minute, though nothing is in their way");
}

void scenario_group::must_recover() {
  must_have_no_violation();
  simulation_.filter({});
  simulation_.heal_network();
  for (replica_id id = 1; id <= size_; ++id)
    simulation_.restart(id);
  add_one();
  must_read();
  must_agree();
}

bool scenario_group::is_over() {
  for (replica_id id = 1; id <= size_with_spares_ && stopped_itself_.empty(); ++id)
    if (auto why = simulation_.fatal_reason(id); !why.empty())
      stopped_itself_ = fmt::format("replica {} stopped itself: {}", id, why);
  return !simulation_.violation().empty() || simulation_.stats().fatals > 0;
}

/// Lets the other replicas continue without the replica that stopped itself, as a cluster would.
void scenario_group::continue_after_fatal() {
  simulation_.filter({});
  simulation_.heal_network();
  for (replica_id id = 1; id <= size_; ++id)
    if (simulation_.fatal_reason(id).empty())
      simulation_.restart(id);
  for (int second = 0; second < 10 && simulation_.violation().empty(); ++second) {
    for (replica_id id = 1; id <= size_; ++id)
      write_at(id);
    simulation_.run_for(1s);
  }
}

void scenario_group::must_have_no_violation() {
  if (!is_over())
    return;
  if (simulation_.violation().empty())
    continue_after_fatal();
  auto stopped = stopped_itself_.empty() ? "a replica stopped itself" : stopped_itself_;
  if (simulation_.violation().empty())
    throw broken(stopped);
  throw broken(simulation_.violation() +
               (simulation_.stats().fatals > 0 ? "; besides, " + stopped : ""));
}

} // namespace atl::verify
