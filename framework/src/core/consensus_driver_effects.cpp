#include <atoll/core/consensus_driver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

// What a driver does with each effect of its protocol.
namespace atl {

void consensus_driver::drain() {
  draining_ = true;
  carry_out_effects();
  while (!verdicts_.empty() && guard([this] { report_verdicts(); }))
    carry_out_effects();
  draining_ = false;
}

void consensus_driver::carry_out_effects() {
  if (!guard([this] { protocol_.drain(effects_); }))
    return;
  auto token_before = last_token_;
  for (auto& next : effects_) {
    env_.before_effect(next);
    if (!stopped_)
      std::visit([this](auto& effect) { carry_out(effect); }, next);
    if (stopped_)
      break;
  }
  effects_.clear();
  if (last_token_ != token_before)
    unsynced_terms_.emplace_back(last_token_, status().term);
  if (continue_after_step())
    release_reads();
}

void consensus_driver::carry_out(spi::persist& effect) {
  if (effect.token != last_token_ + 1)
    return fail(driver_failure::breach,
                fmt::format("persists with token {} after {}", effect.token, last_token_));
  last_token_ = effect.token;
  env_.persist(std::move(effect));
}

void consensus_driver::send(spi::send& message) {
  if (message.after > last_token_)
    return fail(driver_failure::breach,
                fmt::format("sends after token {}, which was never given out", message.after));
  if (message.after <= durable_)
    return env_.transmit(message.to, std::move(message.bytes), 0);
  auto later = std::upper_bound(held_.begin(), held_.end(), message.after,
                                [](auto after, auto& held) { return after < held.after; });
  held_.insert(later, held_send{message.after, message.to, std::move(message.bytes)});
}

void consensus_driver::deliver(spi::apply& batch) {
  if (batch.entries.empty())
    return;
  auto last = delivered_;
  for (auto& entry : batch.entries)
    if (entry.index != ++last)
      return fail(driver_failure::breach,
                  fmt::format("applies index {} after {}", entry.index, last - 1));
  delivered_ = last;
  env_.apply(std::move(batch.entries));
}

void consensus_driver::install(const spi::install_snapshot& wanted) {
  auto refuse = [&](auto reason) {
    fail(driver_failure::breach,
         fmt::format("installs a snapshot up to {} {}", wanted.index, reason));
  };
  if (installing_)
    return refuse("while another one is being installed");
  if (arrived_ != wanted.index)
    return refuse("that it didn't receive");
  if (wanted.index <= delivered_)
    return refuse(fmt::format("after applying {}", delivered_));
  arrived_.reset();
  delivered_ = wanted.index;
  installing_ = true;
  env_.install_snapshot(wanted.index);
}

void consensus_driver::carry_out(spi::refuse& effect) {
  if (auto to = take(proposals_, effect.id))
    env_.refuse(*to, std::move(effect));
}

void consensus_driver::carry_out(spi::read_ready& effect) {
  auto from = take(reads_, effect.id);
  if (!from)
    return;
  auto later = std::upper_bound(ready_reads_.begin(), ready_reads_.end(), effect.index,
                                [](auto index, auto& read) { return index < read.index; });
  ready_reads_.insert(later, ready_read{effect.index, *from});
}

void consensus_driver::carry_out(spi::read_refused& effect) {
  if (auto to = take(reads_, effect.id))
    env_.refuse_read(*to, std::move(effect));
}

void consensus_driver::carry_out(spi::validate& effect) {
  open_tickets_.push_back(effect.ticket);
  env_.validate(effect);
}

void consensus_driver::carry_out(spi::members_changed& effect) {
  members_ = std::move(effect);
  env_.on_members_changed();
}

void consensus_driver::carry_out(spi::fatal& effect) {
  fail(driver_failure::fatal, std::move(effect.reason));
}

} // namespace atl
