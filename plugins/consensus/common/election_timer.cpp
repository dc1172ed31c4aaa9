#include "election_timer.hpp"

#include <algorithm>

namespace atl::leader_based {

spi::timestamp election_timer::randomized(spi::timestamp least) {
  auto share = random_.below(static_cast<std::uint64_t>(least.count()) + 1);
  return least + spi::timestamp{static_cast<std::int64_t>(share)};
}

void election_timer::restart(spi::timestamp now, int factor) {
  deadline_ = now + factor * randomized(election_timeout_);
}

void election_timer::not_before(spi::timestamp then) {
  deadline_ = std::max(deadline_, then);
}

void election_timer::begin_pre_vote(spi::timestamp now, int factor) {
  unreachable_ = deferred_ = false;
  deadline_ = now + short_timeout(factor);
}

void election_timer::on_leader_contact(spi::timestamp now, int factor) {
  has_heard_leader_ = true;
  last_contact_ = now;
  deferred_ = false;
  if (unreachable_ && now < unreachable_since_ + heartbeat_ / 2)
    return;
  unreachable_ = false;
  restart(now, factor);
}

void election_timer::on_leader_unreachable(spi::timestamp now, int factor) {
  if (unreachable_)
    return;
  unreachable_ = true;
  unreachable_since_ = now;
  deadline_ = std::min(deadline_, now + short_timeout(factor));
}

bool election_timer::defer_to_candidate(spi::timestamp now, int factor) {
  if (deferred_)
    return false;
  deferred_ = true;
  not_before(now + short_timeout(factor));
  return true;
}

} // namespace atl::leader_based
