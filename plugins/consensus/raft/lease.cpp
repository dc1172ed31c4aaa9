#include "replica.hpp"

/// Leases (dissertation, 6.4.1). A replica that answers a leader promises to vote for nobody for
/// `election_timeout`, by its own clock, from when the leader's message came. As long as a majority
/// is bound by such promises nobody else can have been elected, so nobody else can have committed
/// anything, and the leader reads without asking. It counts from when its message *left*, and for
/// less than was promised, so that it ends before them as long as no clock runs faster than its own
/// by more than `clock_drift`.
///
/// What is promised outlives a crash: a replica that starts has forgotten whom it heard, and votes
/// for nobody, itself included, until what it may have promised is over.
namespace atl::raft {

void replica::begin_promise() {
  old_promise_ = longest_promise_;
  promise_ = config_.lease ? config_.election_timeout : spi::timestamp{0};
  longest_promise_ = std::max(old_promise_, promise_);
  if (longest_promise_ != old_promise_)
    persist_vote();
}

/// A longer promise, under options of before, is remembered until it is over.
void replica::end_old_promise() {
  if (longest_promise_ == promise_ || is_old_promise_in_force())
    return;
  longest_promise_ = promise_;
  put_meta();
}

bool replica::is_old_promise_in_force() const {
  return now_ - started_ < old_promise_;
}

/// Until then this replica votes for nobody, itself included.
spi::timestamp replica::promised_until() const {
  auto until = started_ + old_promise_;
  return election_timer_.has_heard_leader()
             ? std::max(until, election_timer_.last_contact() + promise_)
             : until;
}

bool replica::has_promised() const {
  return now_ < promised_until();
}

/// Not more than this one would promise: the number comes from the network.
void replica::learn_promise(progress& of, const append_response& answer) {
  auto promise = std::clamp(answer.promise, spi::timestamp{0}, config_.election_timeout);
  auto until = std::min(answer.sent, now_) + config_.shortened(promise);
  of.promised_until = std::max(of.promised_until, until);
}

/// Looked at in the same call that answers reads, by the time that it was called at: they began
/// before. Who was told to stand for leader is elected in spite of promises.
bool replica::holds_lease() const {
  if (!config_.lease || role_ != role::leader || lease_abandoned_)
    return false;
  auto until = agreed([&](spi::replica_id id) -> std::uint64_t {
    if (id == self_) // it votes for nobody while it leads
      return static_cast<std::uint64_t>(spi::timestamp::max().count());
    auto peer = peers_.find(id);
    auto time = peer == peers_.end() ? spi::timestamp{0} : peer->second.promised_until;
    return static_cast<std::uint64_t>(std::max(time, spi::timestamp{0}).count());
  });
  return now_ >= spi::timestamp{0} && static_cast<std::uint64_t>(now_.count()) < until;
}

} // namespace atl::raft
