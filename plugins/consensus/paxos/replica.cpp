#include "replica.hpp"

#include <algorithm>
#include <stdexcept>

namespace atl::paxos {

replica::replica(const spi::consensus_setup& setup) : replica{setup, read_config(setup.options)} {}

replica::replica(const spi::consensus_setup& setup, const config& options)
    : leader_based_replica{setup, options, members_max}, config_{options}, incarnation_{
                                                                               setup.incarnation} {
  if (auto why = config_.quorums.refusal(setup.voters.size()); !why.empty())
    throw std::invalid_argument(why);
}

// -- calls ------------------------------------------------------------------------------------

void replica::advance(spi::timestamp now) {
  leader_based_replica::advance(now);
  auto* it = std::get_if<candidate>(&role_);
  if (!stopped_ && it && now_ >= it->next_request)
    request_promises();
}

spi::timestamp replica::deadline() const {
  auto next = leader_based_replica::deadline();
  auto* it = std::get_if<candidate>(&role_);
  return it && !stopped_ ? std::min(next, it->next_request) : next;
}

void replica::propose(spi::request_id id, std::string command) {
  if (stopped_)
    return;
  if (auto it = obstacle_to_propose_now())
    return refuse(id, std::move(it));
  auto& leads = std::get<leader>(role_);
  if (auto it = obstacle_of_size(command.size(), leads.proposed - commit_, log_.bytes()))
    return refuse(id, std::move(it));
  propose_value(leads, {value_type::command, std::move(command)}, id);
}

replica::obstacle replica::obstacle_to_propose_now() const {
  auto* it = std::get_if<leader>(&role_);
  if (auto other = obstacle_to_propose(it))
    return other;
  if (it->phase1 || it->change_proposed > commit_ || it->leaving_at != 0)
    return {"the group is changing; try again", spi::refusal::busy};
  return {};
}

void replica::receive(spi::replica_id from, std::string_view bytes) {
  auto what = decode(bytes);
  if (!what || round_of(what->ballot) > round_of(greatest_seen_) + rounds_ahead_max)
    return;
  greatest_seen_ = std::max(greatest_seen_, what->ballot);
  std::visit([&](auto& it) { on_message(from, what->ballot, it); }, what->body);
}

void replica::send_message(spi::replica_id to, const body& what) {
  outbox_.send(to, encode(promised_, what), outbox_.promise_token());
}

// -- durable state ----------------------------------------------------------------------------

void replica::put_slot(spi::log_index index, slot it) {
  it.token = accepted_token_ = outbox_.next_token();
  outbox_.write(spi::put_record{leader_based::log_stream, index, encode(it)});
  log_.put(index, std::move(it));
  damaged_.erase(index);
}

void replica::on_persisted(bool) {
  finish_preparation();
  if (auto* it = std::get_if<leader>(&role_)) {
    count_own_accepts(*it);
    commit_chosen();
  }
}

spi::log_index replica::last_durable() const {
  auto last = log_.last();
  while (last > log_.base() && !outbox_.is_durable(log_.at(last).token))
    --last;
  return last;
}

// -- commit -----------------------------------------------------------------------------------

std::uint64_t replica::agreed(const value_of& value) const {
  return reached_by(members_.current().voters, accept_quorum(), value);
}

/// Commits the next index. If the entry is a change of the group, it takes effect from the
/// following index on.
void replica::commit_next() {
  auto& it = log_.at(++commit_);
  if (it.value.type != value_type::members)
    return;
  members_.add(commit_, *members_codec.decode(it.value.body));
  if (auto* leads = std::get_if<leader>(&role_))
    leads->group_changed = true;
  outbox_.write_meta();
  it.token = outbox_.next_token(); // the entry is applied once the group is known durably
  publish_members();
}

// -- status -----------------------------------------------------------------------------------

std::string replica::blocked() const {
  if (!damaged_.empty())
    return "the record at index " + std::to_string(*damaged_.begin()) +
           " can't be read, and is being fetched from the others";
  if (auto* it = std::get_if<leader>(&role_); it && (it->phase1 || commit_ < it->carried_over))
    return "the leader is new and hasn't committed yet what others have begun";
  return leader_ == 0 ? "no leader is elected" : "";
}

} // namespace atl::paxos
