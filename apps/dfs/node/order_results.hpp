#pragma once

#include "common/master_protocol.hpp"

#include <cstddef>
#include <deque>
#include <optional>

namespace dfs {

/// What a storage node has to tell one master about the orders that this master gave. All of it is
/// told again until a heartbeat that told it was answered, so a master may get it twice. Pure.
class order_results {
 public:
  /// Beyond this number the oldest results are dropped; the master gives up such a task in time.
  static constexpr std::size_t kept_max = 20'000;

  void add(protocol::task_result result);
  /// Of several slices only the last is told: a master asks for one at a time.
  void set_slice(protocol::fragment_slice slice);
  bool is_empty() const { return results_.empty() && !slice_; }

  /// Puts what fits into a heartbeat.
  void tell(protocol::storage_heartbeat& report);
  /// The heartbeat of the last `tell` was answered.
  void on_answered();

 private:
  std::deque<protocol::task_result> results_; ///< the oldest first
  std::optional<protocol::fragment_slice> slice_;
  std::size_t results_told_ = 0; ///< of the first ones, in the last heartbeat
  bool slice_told_ = false;
};

} // namespace dfs
