#pragma once

#include "eligible.hpp"

#include <atoll/spi/balancer.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace atl::balancers {

/// Which members have a weight above 0, for strategies that otherwise don't go by weight.
class takes_requests {
 public:
  /// To be called by `update`.
  void update(std::span<const spi::member> members) {
    weighted_.clear();
    for (auto& member : members)
      weighted_.push_back(member.weight > 0);
  }

  std::size_t members() const { return weighted_.size(); }

  bool operator()(spi::slot who) const { return weighted_[who] != 0; }

  /// Which members a request may go to: available, not tried, and of a weight above 0. Valid as
  /// long as the arguments and this object are.
  auto eligible_for(const spi::pick_request& request, const spi::member_facts& facts) const {
    return [this, may = eligible{request, facts}](spi::slot who) {
      return weighted_[who] != 0 && may(who);
    };
  }

 private:
  std::vector<std::uint8_t> weighted_;
};

} // namespace atl::balancers
