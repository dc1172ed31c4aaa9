#pragma once

#include "../common/member_state.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace atl::balancers {

/// Which members got a request not long ago: the measured latency of a member that got nothing for
/// long says little about today. A member that never got a request has nothing to be forgotten. Not
/// thread-safe; allocates in `update` only.
class recent_picks {
 public:
  /// @param period after which a member is forgotten; 0: never
  explicit recent_picks(spi::timestamp period) : period_{period} {}

  void update(std::span<const spi::member> members) {
    last_.update(members);
    remembered_.assign(members.size(), 1);
    next_ = spi::timestamp::min();
  }

  /// To be called before `remembered`. Looks at all members, but only when one may be due.
  void forget(spi::timestamp now) {
    if (period_.count() == 0 || now < next_)
      return;
    next_ = spi::timestamp::max();
    for (spi::slot who = 0; who < last_.size(); ++who) {
      if (!last_[who].known)
        continue;
      auto due = last_[who].when + period_;
      remembered_[who] = due > now ? 1 : 0;
      if (due > now)
        next_ = std::min(next_, due);
    }
  }

  void add(spi::slot who, spi::timestamp now) {
    last_[who] = {now, true};
    remembered_[who] = 1;
    next_ = std::min(next_, now + period_);
  }

  /// By slot: 1, or 0 for a member that is forgotten.
  const float* remembered() const { return remembered_.data(); }

 private:
  struct last_pick {
    spi::timestamp when{0};
    bool known = false;
  };

  spi::timestamp period_;
  spi::timestamp next_ = spi::timestamp::min(); ///< no member is to be forgotten before
  member_state<last_pick> last_;
  std::vector<float> remembered_;
};

} // namespace atl::balancers
