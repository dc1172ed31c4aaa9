#pragma once

#include <atoll/spi/balancer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace atl {

struct outlier_options {
  /// A member is ejected after so many failed requests in a row; 0: never.
  std::uint32_t failures = 5;
  /// The first ejection takes so long, the next one twice as long, and so on; each ejection time
  /// that passes without a failure takes one off again.
  std::chrono::microseconds ejection{std::chrono::seconds{5}};
  std::chrono::microseconds ejection_max{std::chrono::minutes{5}};
  /// At most this share of the members is ejected at once, rounded down, but always one: if more
  /// fail, the failure is common to all, and ejecting them would only move the load.
  double share_max = 0.5;
};

/// Which members of a pool to take out for a while, because their requests fail in a row (as the
/// outlier detection of Envoy). Members are named by slot. Pure; not thread-safe.
class outlier_detector {
 public:
  explicit outlier_detector(outlier_options options = {}) : options_{options} {}

  /// What is known of one member. Its owner keeps it when slots change.
  struct record {
    std::uint32_t failures = 0;  ///< in a row
    std::uint32_t ejections = 0; ///< that count for the next one's duration
    spi::timestamp until{0};     ///< end of the ejection
    spi::timestamp last{0};      ///< the end of the last ejection, or the last step down
    bool ejected = false;
  };

  /// Replaces the members.
  void update(std::vector<record> members);

  /// @returns true if the member is ejected by this outcome.
  bool observe(spi::slot who, bool ok, spi::timestamp now);

  /// Ends ejections whose time has come. @param on_return called with the slot of each member that
  /// is back
  template <class OnReturn>
  void expire(spi::timestamp now, OnReturn&& on_return) {
    if (now < next_return_)
      return;
    next_return_ = spi::timestamp::max();
    for (spi::slot who = 0; who < members_.size(); ++who)
      if (members_[who].ejected && expire_one(members_[who], now))
        on_return(who);
  }

  /// When the next ejection may end, at the earliest; the latest of all times: no member is
  /// ejected.
  spi::timestamp next_return() const { return next_return_; }
  bool is_ejected(spi::slot who) const { return members_[who].ejected; }
  std::size_t ejected() const { return ejected_; }
  const record& at(spi::slot who) const { return members_[who]; }

 private:
  bool expire_one(record& member, spi::timestamp now);
  std::size_t ejected_max() const;

  outlier_options options_;
  std::vector<record> members_;
  std::size_t ejected_ = 0;
  spi::timestamp next_return_ = spi::timestamp::max();
};

} // namespace atl
