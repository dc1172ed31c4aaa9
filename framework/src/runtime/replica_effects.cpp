#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/peer_connection.hpp>
#include <atoll/runtime/replica.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

// What a protocol wants done, carried out.
namespace atl::runtime {

void replica_actor::carry_out() {
  // A plugin's effects may grow while they are carried out only by a later call, so by index.
  for (std::size_t i = 0; i < effects_.size() && serving_; ++i)
    std::visit([this](auto& effect) { carry_out(effect); }, effects_[i]);
  effects_.clear();
  if (serving_)
    release_reads();
}

void replica_actor::carry_out(spi::persist& effect) {
  unsynced_terms_.emplace_back(effect.token, settings_.protocol->status().term);
  settings_.log->submit(std::move(effect));
}

void replica_actor::carry_out(spi::send& effect) {
  if (effect.after <= durable_)
    transmit(effect.to, std::move(effect.bytes));
  else
    held_.emplace(effect.after, waiting_send{effect.to, std::move(effect.bytes)});
}

void replica_actor::transmit(spi::replica_id to, std::string bytes) {
  auto connection = connections_.find(to);
  if (connection == connections_.end()) {
    ++metrics_.dropped_messages;
    return;
  }
  tell(this, connection->second,
       outgoing_message{digest_, settings_.self.replica, to, std::move(bytes)});
}

void replica_actor::carry_out(spi::apply& effect) {
  if (effect.entries.empty())
    return;
  if (effect.entries.front().index != delivered_ + 1)
    return stop_serving(
        {errc::internal,
         fmt::format("the consensus plugin ({}) skipped from entry {} to {}",
                     settings_.self.consensus, delivered_, effect.entries.front().index)});
  delivered_ = effect.entries.back().index;
  runner_->apply(std::move(effect.entries));
}

void replica_actor::carry_out(spi::refuse& effect) {
  auto [first, last] = commands_.equal_range(effect.id);
  if (first == last)
    return;
  auto in_doubt = effect.why == spi::refusal::unknown;
  // Where the leader itself says no, no other replica would say yes.
  auto leads = settings_.protocol->status().leader == settings_.self.replica ||
               (settings_.blocks_on_one_failure && effect.hint == 0);
  auto code = in_doubt                           ? errc::timeout
              : effect.why == spi::refusal::busy ? errc::busy
              : leads                            ? errc::refused
                                                 : errc::unavailable;
  ++metrics_.refused;
  auto what = error_reply(code, effect.reason, effect.hint, in_doubt);
  for (auto waiting = first; waiting != last; ++waiting)
    answer(waiting->second.from, what);
  commands_.erase(first, last);
}

void replica_actor::carry_out(spi::read_ready& effect) {
  auto waiting = reads_.find(effect.id);
  if (waiting == reads_.end())
    return;
  ready_reads_.emplace(effect.index, std::move(waiting->second));
  reads_.erase(waiting);
}

void replica_actor::carry_out(spi::read_refused& effect) {
  auto waiting = reads_.find(effect.id);
  if (waiting == reads_.end())
    return;
  answer(waiting->second.from, error_reply(errc::unavailable, effect.reason, effect.hint));
  reads_.erase(waiting);
}

void replica_actor::carry_out(spi::validate& effect) {
  validations_.push_back({effect.ticket, settings_.machine->admission_check(effect.command)});
}

/// @returns whether there were any: the protocol has more to say then.
bool replica_actor::answer_validations() {
  for (auto& it : validations_)
    settings_.protocol->on_validated(it.ticket, !it.rejection,
                                     it.rejection ? it.rejection->message : "");
  return !std::exchange(validations_, {}).empty();
}

void replica_actor::carry_out(spi::members_changed& effect) {
  voters_ = std::move(effect.voters);
  learners_ = std::move(effect.learners);
  log::info("master", "", "the group's voters are {}{}{}", fmt::join(voters_, ", "),
            learners_.empty() ? "" : "; learners ", fmt::join(learners_, ", "));
}

void replica_actor::carry_out(spi::role_changed& effect) {
  if (effect.role == spi::replica_role::candidate || effect.role == spi::replica_role::leader)
    ++metrics_.elections;
  constexpr std::string_view names[] = {"follower", "candidate", "leader", "learner"};
  log::info("master", "", "is {} in term {}, the leader is {}",
            names[static_cast<std::size_t>(effect.role)], effect.term, effect.leader);
}

void replica_actor::carry_out(spi::fatal& effect) {
  stop_serving({errc::refused, effect.reason});
}

} // namespace atl::runtime
