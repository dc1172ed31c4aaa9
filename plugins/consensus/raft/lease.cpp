#include "lease.hpp"

#include "replica.hpp"

#include <algorithm>

/// Leases (dissertation, 6.4.1). A replica that answers a leader promises to grant no vote for
/// `election_timeout`, by its own clock, from when the leader's message arrived. While a majority
/// is bound by such promises no other leader can be elected, so no other leader can commit
/// anything, and the leader reads without asking. The leader counts from when its message *left*,
/// and for less time than was promised, so that its lease ends before the promises as long as no
/// clock runs faster than its own by more than `clock_drift`.
namespace atl::raft {

bool vote_promise::begin(spi::timestamp now, spi::timestamp length) {
  old_until_ = now + longest_;
  length_ = length;
  return length > std::exchange(longest_, std::max(longest_, length));
}

bool vote_promise::expire_old(spi::timestamp now) {
  if (longest_ == length_ || is_old_in_force(now))
    return false;
  longest_ = length_;
  return true;
}

spi::timestamp vote_promise::until(const leader_based::election_timer& timer) const {
  return timer.has_heard_leader() ? std::max(old_until_, timer.last_contact() + length_)
                                  : old_until_;
}

/// The length comes from the network, so it counts for no more than this replica would promise.
void replica::note_promise(leader& it, spi::replica_id voter, const append_response& response) {
  if (!config_.lease)
    return;
  auto length = std::clamp(response.promise, spi::timestamp{0}, config_.election_timeout);
  auto& until = it.promised_until[voter];
  until = std::max(until, std::min(response.sent, now_) + config_.shortened(length));
}

/// Checked in the call that answers the reads, by the time of that call, which is after they began.
/// A replica that was told to campaign is elected in spite of promises, so its leader has no lease.
bool replica::has_lease() const {
  auto* it = std::get_if<leader>(&role_);
  if (!config_.lease || !it || it->has_handed_over || now_ < spi::timestamp{0})
    return false;
  auto until = agreed([&](spi::replica_id id) -> std::uint64_t {
    if (id == self_) // a leader grants no vote
      return static_cast<std::uint64_t>(spi::timestamp::max().count());
    auto voter = it->promised_until.find(id);
    auto time = voter == it->promised_until.end() ? spi::timestamp{0} : voter->second;
    return static_cast<std::uint64_t>(std::max(time, spi::timestamp{0}).count());
  });
  return static_cast<std::uint64_t>(now_.count()) < until;
}

} // namespace atl::raft
