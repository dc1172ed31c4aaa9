#include "leader_watch.hpp"

#include <algorithm>

namespace atl::elections {

spi::timestamp leader_watch::with_lot(spi::timestamp least) {
  auto more = random_.below(static_cast<std::uint64_t>(least.count()) + 1);
  return least + spi::timestamp{static_cast<std::int64_t>(more)};
}

void leader_watch::wait_whole_timeout(spi::timestamp now, int patience) {
  deadline_ = now + patience * with_lot(election_timeout_);
}

void leader_watch::not_before(spi::timestamp then) {
  deadline_ = std::max(deadline_, then);
}

void leader_watch::stand(spi::timestamp now, int patience) {
  unreachable_ = gave_way_ = false;
  deadline_ = now + a_moment(patience);
}

void leader_watch::hear(spi::timestamp now, int patience) {
  ever_heard_ = true;
  last_heard_ = now;
  gave_way_ = false;
  if (unreachable_ && now < unreachable_since_ + heartbeat_ / 2)
    return;
  unreachable_ = false;
  wait_whole_timeout(now, patience);
}

void leader_watch::lose(spi::timestamp now, int patience) {
  if (unreachable_)
    return;
  unreachable_ = true;
  unreachable_since_ = now;
  deadline_ = std::min(deadline_, now + a_moment(patience));
}

bool leader_watch::give_way(spi::timestamp now, int patience) {
  if (gave_way_)
    return false;
  gave_way_ = true;
  not_before(now + a_moment(patience));
  return true;
}

} // namespace atl::elections
