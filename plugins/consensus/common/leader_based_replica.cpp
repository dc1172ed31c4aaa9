#include "leader_based_replica.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace atl::leader_based {

leader_based_replica::leader_based_replica(const spi::consensus_setup& setup,
                                           const leader_options& options, std::size_t members_max)
    : limits_{options}, members_max_{members_max}, self_{setup.self},
      election_timer_{options.election_timeout, options.heartbeat, setup.seed},
      follower_reads_{setup.incarnation} {
  if (self_ == 0)
    throw std::invalid_argument("a replica's id must not be 0");
  if (setup.voters.empty() || setup.voters.size() > members_max)
    throw std::invalid_argument("a group has 1 to " + std::to_string(members_max) + " voters");
  membership founders{setup.voters, {}, {}};
  normalize(founders.voters);
  if (founders.voters.size() != setup.voters.size() || founders.voters.front() == 0)
    throw std::invalid_argument("a group's voters differ from each other and from 0");
  members_.rebase(0, founders);
  published_members_ = std::move(founders);
}

// -- calls ------------------------------------------------------------------------------------

void leader_based_replica::advance(spi::timestamp now) {
  if (stopped_)
    return;
  now_ = std::max(now_, now);
  if (!leading() && now_ >= election_timer_.deadline() && can_campaign())
    on_election_timeout();
  tick_leader();
  expire_reads();
}

spi::timestamp leader_based_replica::deadline() const {
  if (stopped_)
    return spi::timestamp::max();
  auto next = follower_reads_.deadline();
  if (auto* it = leading()) {
    next = std::min({next, it->next_heartbeat, it->next_quorum_check});
    if (!it->reads.empty())
      next = std::min(next, it->reads.deadline());
  } else if (can_campaign()) {
    next = std::min(next, election_timer_.deadline());
  }
  return next;
}

void leader_based_replica::step(spi::replica_id from, std::string_view bytes) {
  if (!stopped_ && from != self_ && from != 0)
    receive(from, bytes);
}

void leader_based_replica::on_durable(spi::persist_token token) {
  if (stopped_)
    return;
  on_persisted(outbox_.on_durable(token));
  deliver();
}

void leader_based_replica::on_unreachable(spi::replica_id id) {
  if (auto* it = leading())
    if (auto* peer = it->find(id))
      peer->log.probe();
  if (id != leader_)
    return;
  election_timer_.on_leader_unreachable(now_, timeout_factor());
  election_timer_.not_before(promised_until());
}

spi::consensus_status leader_based_replica::status() const {
  spi::consensus_status it;
  it.role = public_role();
  it.term = term();
  it.leader = leader_;
  it.committed = commit_;
  it.accepted = last_durable();
  it.first = extent().base + 1;
  it.pending = follower_reads_.size();
  if (auto* leads = leading())
    it.pending += leads->reads.size() + last_proposed() - std::min(last_proposed(), commit_);
  it.blocked = blocked();
  return it;
}

std::uint64_t leader_based_replica::reached_by(const id_list& voters, std::size_t quorum,
                                               const value_of& value) {
  std::array<std::uint64_t, voters_max> values{};
  auto end = values.begin();
  for (auto id : voters)
    *end++ = value(id);
  auto place = values.begin() + static_cast<std::ptrdiff_t>(quorum - 1);
  std::nth_element(values.begin(), place, end, std::greater<>{});
  return *place;
}

// -- effects ----------------------------------------------------------------------------------

void leader_based_replica::drain(std::vector<spi::effect>& out) {
  if (!stopped_) {
    if (auto* it = leading()) {
      start_reads(*it);
      replicate(*it);
    } else {
      respond_to_leader();
      forward_reads();
    }
    publish_role();
    request_installation();
  }
  if (outbox_.is_meta_changed())
    outbox_.write(spi::set_meta{encode_meta()});
  outbox_.drain(out);
}

void leader_based_replica::stop(std::string reason) {
  if (!std::exchange(stopped_, true))
    outbox_.emit(spi::fatal{std::move(reason)});
}

void leader_based_replica::stop_for_replacement(std::string reason) {
  stop(std::move(reason) +
       "; remove this replica from the group and add one with an empty disk under a new id");
}

std::string leader_based_replica::record_at(spi::log_index index) {
  return "the record of stream 0 at index " + std::to_string(index);
}

void leader_based_replica::check_disk(spi::log_index known, spi::log_index last) {
  if (known > last)
    stop_for_replacement("the leader knows this replica to have held entry " +
                         std::to_string(known) + " and its log ends at " + std::to_string(last) +
                         ": its disk was lost");
}

spi::replica_role leader_based_replica::public_role() const {
  switch (role()) {
  case role_kind::leader:
    return spi::replica_role::leader;
  case role_kind::candidate:
    return spi::replica_role::candidate;
  default:
    return members_.current().votes(self_) ? spi::replica_role::follower
                                           : spi::replica_role::learner;
  }
}

void leader_based_replica::publish_role() {
  std::tuple now{public_role(), term(), leader_};
  if (now == published_role_)
    return;
  published_role_ = now;
  outbox_.emit(spi::role_changed{public_role(), term(), leader_});
}

void leader_based_replica::publish_members() {
  auto& now = members_.current();
  if (now == published_members_)
    return;
  published_members_ = now;
  outbox_.emit(spi::members_changed{now.all_voters(), now.learners});
  on_members_published();
}

// -- proposals --------------------------------------------------------------------------------

leader_based_replica::obstacle
leader_based_replica::obstacle_to_propose(const leadership* leading) const {
  if (!leading)
    return {leader_ == 0 ? "no leader is elected; try again"
                         : "replica " + std::to_string(leader_) + " leads"};
  if (leading->transferee != 0)
    return {"replica " + std::to_string(leading->transferee) + " is taking over; try again",
            spi::refusal::busy};
  return {};
}

leader_based_replica::obstacle leader_based_replica::obstacle_of_size(std::size_t command_bytes,
                                                                      std::uint64_t uncommitted,
                                                                      std::size_t log_bytes) const {
  if (command_bytes > entry_bytes_max)
    return {"a command must not be larger than 16 MiB"};
  if (uncommitted >= limits_.in_flight_max)
    return {"too many entries are waiting to be committed; try again", spi::refusal::busy};
  if (log_bytes > limits_.log_bytes)
    return {"the log is full until the state machine has applied what is in it; try again",
            spi::refusal::busy};
  return {};
}

void leader_based_replica::refuse(spi::request_id id, obstacle it) {
  auto hint = leader_ == self_ || election_timer_.is_leader_unreachable() ? 0 : leader_;
  outbox_.emit(spi::refuse{id, it.kind, hint, std::move(it.why)});
}

std::optional<membership> leader_based_replica::requested_group(id_list voters,
                                                                id_list learners) const {
  normalize(voters);
  normalize(learners);
  std::erase_if(learners,
                [&](auto id) { return std::binary_search(voters.begin(), voters.end(), id); });
  if (voters.empty() || voters.size() + learners.size() > members_max_ || voters.front() == 0)
    return std::nullopt;
  return membership{std::move(voters), std::move(learners), {}};
}

} // namespace atl::leader_based
