#include <atoll/core/request_dispatcher.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

// When a dispatcher sends a request to a second worker, and to which one.
namespace atl {

std::chrono::microseconds request_dispatcher::hedge_delay(const dispatch_request& request) {
  constexpr std::uint32_t quantile_is_good_for = 64;
  auto delay = options_.hedge_after;
  if (options_.hedge_quantile > 0) {
    if (until_quantile_ == 0) {
      hedge_delay_ = silences_.quantile(options_.hedge_quantile);
      until_quantile_ = quantile_is_good_for;
    }
    --until_quantile_;
    delay = std::chrono::microseconds{static_cast<std::int64_t>(
        options_.hedge_factor * static_cast<double>(hedge_delay_.count()))};
    delay = std::max(delay, options_.hedge_floor);
  }
  return delay.count() > 0 ? std::max(delay, request.hedge_floor) : delay;
}

/// When a request that is sent now is to be hedged.
spi::timestamp request_dispatcher::hedge_time(const request_state& request) {
  if (!request.what.repeatable)
    return no_deadline;
  auto delay = hedge_delay(request.what);
  return delay.count() > 0 ? now_ + delay : no_deadline;
}

/// A hedge never waits: it is worth something only if it starts at once.
void request_dispatcher::hedge(std::uint64_t id, request_state& request) {
  request.hedge_at = no_deadline;
  if (auto there = places_for(request);
      there.full == there.available && !request.what.may_hedge_anywhere)
    return;
  if (!budget_.has_token_for_hedge(now_)) {
    ++counters_.budget_denied;
    return;
  }
  auto worker = pick_for_hedge(request);
  if (!worker)
    return;
  budget_.take(now_);
  request.was_hedged = true;
  ++counters_.hedges;
  start(id, request, *worker, true);
}

/// A healthy worker, or one that the request may go to as a last resort: rather one that is ejected
/// than one that is unavailable.
std::optional<std::uint64_t> request_dispatcher::pick_for_hedge(const request_state& request) {
  auto picked = pick_other_than(request.tried, request);
  if (picked && *picked && !pool_.is_ejected(**picked))
    return *picked;
  std::optional<std::uint64_t> last_resort;
  if (!request.what.may_hedge_anywhere)
    return last_resort;
  for (auto id : request.what.among) {
    auto found = workers_.find(id);
    if (found == workers_.end() || found->second.is_full ||
        std::ranges::find(request.tried, id) != request.tried.end())
      continue;
    if (found->second.is_available)
      return id;
    if (!last_resort)
      last_resort = id;
  }
  return last_resort;
}

/// Before anything that is due: the hedge may be due only because the host's thread was held up.
void request_dispatcher::on_progress(std::uint64_t attempt, spi::timestamp now) {
  now_ = std::max(now_, now);
  if (auto found = attempts_.find(attempt);
      found != attempts_.end() && found->second.request != 0) {
    auto& state = found->second;
    auto& request = requests_.at(state.request);
    state.longest_silence = std::max(state.longest_silence, now_ - state.heard_at);
    state.heard_at = now_;
    state.overdue_at = hedge_time(request);
    if (request.hedge_at != no_deadline) { // the attempt is the first one
      request.hedge_at = state.overdue_at;
      arm(state.request, request);
    }
  }
  enter(now);
  send_queued();
}

} // namespace atl
