#include <atoll/core/consensus_driver.hpp>

#include <algorithm>

// What a driver tells its protocol.
namespace atl {

void consensus_driver::start(spi::stable_state stable, spi::log_index applied,
                             std::vector<spi::replica_id> voters) {
  applied_ = delivered_ = applied;
  members_.voters = std::move(voters);
  guard([&] {
    protocol_.start(std::move(stable), applied, env_.now());
    durable_term_ = protocol_.status().term;
  });
}

void consensus_driver::stop() {
  stopped_ = true;
  held_.clear();
  proposals_.clear();
  reads_.clear();
  ready_reads_.clear();
  verdicts_.clear();
}

void consensus_driver::fail(driver_failure kind, std::string what) {
  stop();
  env_.on_failure(kind, std::move(what));
}

bool consensus_driver::continue_after_step() {
  if (!stopped_)
    env_.between_steps();
  return !stopped_;
}

// -- requests ---------------------------------------------------------------------------------

void consensus_driver::propose(request_handle from, std::string command) {
  auto id = ++last_request_;
  proposals_.emplace(id, from);
  call([&](auto& protocol) { protocol.propose(id, std::move(command)); });
}

void consensus_driver::read(request_handle from, spi::read_level level) {
  auto id = ++last_request_;
  reads_.emplace(id, from);
  call([&](auto& protocol) { protocol.read(id, level); });
}

void consensus_driver::reconfigure(request_handle from, spi::members_changed wanted,
                                   std::span<const spi::replica_id> lost) {
  auto id = ++last_request_;
  proposals_.emplace(id, from);
  call([&](auto& protocol) {
    for (auto member : lost)
      protocol.declare_lost(member);
    protocol.reconfigure(id, std::move(wanted.voters), std::move(wanted.learners));
  });
}

std::optional<request_handle> consensus_driver::take(request_table& from, spi::request_id id) {
  auto found = from.find(id);
  if (found == from.end()) {
    env_.on_unknown_request(id);
    return std::nullopt;
  }
  auto handle = found->second;
  from.erase(found);
  return handle;
}

void consensus_driver::reply(spi::request_id id, std::string answer) {
  if (auto to = take(proposals_, id))
    env_.reply(*to, std::move(answer));
}

// -- what the environment did -----------------------------------------------------------------

void consensus_driver::on_durable(spi::persist_token token) {
  if (stopped_)
    return;
  durable_ = std::max(durable_, token);
  for (; !unsynced_terms_.empty() && unsynced_terms_.front().first <= durable_;
       unsynced_terms_.pop_front())
    durable_term_ = unsynced_terms_.front().second;
  release_sends();
  if (continue_after_step())
    call([&](auto& protocol) { protocol.on_durable(token); });
}

void consensus_driver::release_sends() {
  while (!held_.empty() && held_.front().after <= durable_ && continue_after_step()) {
    auto next = std::move(held_.front());
    held_.pop_front();
    env_.transmit(next.to, std::move(next.bytes), next.after);
  }
}

void consensus_driver::on_entries_applied(spi::log_index index, std::span<applied_result> answers) {
  applied_ = std::max(applied_, index);
  for (auto& [id, answer] : answers)
    if (!stopped_)
      reply(id, std::move(answer));
  release_reads();
}

void consensus_driver::release_reads() {
  if (ready_reads_.empty() || stopped_)
    return;
  auto released = std::exchange(released_, {});
  for (; !ready_reads_.empty() && can_serve_reads_at(ready_reads_.front().index);
       ready_reads_.pop_front())
    released.push_back(ready_reads_.front().from);
  if (!released.empty())
    env_.answer_reads(released);
  released.clear();
  released_ = std::move(released);
}

void consensus_driver::on_validated(std::uint64_t ticket, std::optional<std::string> rejection) {
  auto open = std::find(open_tickets_.begin(), open_tickets_.end(), ticket);
  if (open == open_tickets_.end() || stopped_)
    return;
  *open = open_tickets_.back();
  open_tickets_.pop_back();
  verdicts_.push_back({ticket, std::move(rejection)});
  if (!draining_)
    call([this](auto&) { report_verdicts(); });
}

void consensus_driver::report_verdicts() {
  for (auto& it : std::exchange(verdicts_, {}))
    report_verdict(it);
}

void consensus_driver::report_verdict(const verdict& it) {
  protocol_.on_validated(it.ticket, !it.rejection,
                         it.rejection ? std::string_view{*it.rejection} : std::string_view{});
}

void consensus_driver::on_snapshot_arrived(spi::log_index index, std::string_view blob) {
  if (installing_)
    return;
  arrived_ = index;
  call([&](auto& protocol) { protocol.on_snapshot_received(index, blob); });
}

void consensus_driver::on_installed(spi::log_index index) {
  installing_ = false;
  applied_ = std::max(applied_, index);
  if (!continue_after_step())
    return;
  release_reads();
  call([&](auto& protocol) { protocol.on_installed(index); });
}

// -- what the protocol is asked ---------------------------------------------------------------

consensus_driver::durable_mark consensus_driver::mark() {
  auto known = status();
  return {durable_term_, std::min({known.committed, known.accepted, delivered_})};
}

spi::consensus_status consensus_driver::status() {
  spi::consensus_status found;
  guard([&] { found = protocol_.status(); });
  return found;
}

spi::timestamp consensus_driver::deadline() {
  auto found = spi::timestamp::max();
  guard([&] { found = protocol_.deadline(); });
  return found;
}

std::optional<std::string> consensus_driver::snapshot_blob(spi::log_index index) {
  std::optional<std::string> blob;
  guard([&] { blob = protocol_.snapshot_blob(index); });
  return blob;
}

} // namespace atl
