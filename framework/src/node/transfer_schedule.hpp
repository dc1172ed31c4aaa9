#pragma once

#include <chrono>

namespace atl::node {

/// Decides when `group_admin::lead` asks the leader for the transfer. One request is not
/// enough: a leader declines silently, abandons a transfer after one election timeout, and may be
/// replaced.
class transfer_schedule {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  enum class step { request, wait, give_up };

  /// Longer than a usual election timeout: a leader refuses writes while a transfer is in progress,
  /// and accepts them before the next request.
  static constexpr std::chrono::seconds request_interval{2};
  static constexpr std::chrono::seconds timeout{10};

  explicit transfer_schedule(time_point start) : next_request_{start}, deadline_{start + timeout} {}

  /// The next step as long as the chosen member does not lead.
  step next(time_point now);

 private:
  time_point next_request_;
  time_point deadline_;
};

} // namespace atl::node
