#pragma once

#include <atoll/spi/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace atl {

/// Which request to refuse when a queue is full.
enum class overflow_policy : std::uint8_t {
  /// The new one: what waits was promised a place. The usual choice.
  reject,
  /// The one that has waited longest, since its requester is most likely to have given up: the
  /// queue then holds fresh requests, which keeps the latency of answered requests low in an
  /// overload that lasts.
  drop_oldest,
  /// The one whose deadline comes first, since it is the least likely to be answered in time.
  drop_earliest_deadline,
};

/// `reject`, `drop_oldest`, `drop_earliest_deadline`.
constexpr std::string_view to_string(overflow_policy policy) {
  constexpr std::string_view names[] = {"reject", "drop_oldest", "drop_earliest_deadline"};
  return names[static_cast<std::size_t>(policy)];
}
constexpr std::optional<overflow_policy> parse_overflow_policy(std::string_view name) {
  for (auto policy : {overflow_policy::reject, overflow_policy::drop_oldest,
                      overflow_policy::drop_earliest_deadline})
    if (to_string(policy) == name)
      return policy;
  return std::nullopt;
}

struct request_queue_options {
  std::size_t requests_max = 1024; ///< 0: no request waits
  std::uint64_t bytes_max = 64 << 20;
  overflow_policy overflow = overflow_policy::reject;
};

/// Requests that wait for a worker, in the order of their arrival. Bounded in number and bytes.
/// Each call takes O(log n). Pure; not thread-safe.
class request_queue {
 public:
  struct entry {
    std::uint64_t request = 0; ///< ids grow in the order of arrival
    spi::timestamp deadline{0};
    std::uint64_t bytes = 0;
  };

  explicit request_queue(request_queue_options options) : options_{options} {}

  /// Could the request wait if the queue were empty?
  bool can_hold(std::uint64_t bytes) const {
    return options_.requests_max > 0 && bytes <= options_.bytes_max;
  }
  /// Does it hold more than it may? A `push` may bring this about.
  bool is_full() const {
    return by_arrival_.size() > options_.requests_max || bytes_ > options_.bytes_max;
  }
  /// May leave the queue too full: the caller then takes victims out of it.
  void push(const entry& added);
  void erase(const entry& removed);
  /// The request to refuse while the queue is too full. @param newest the request that was pushed
  /// last
  std::uint64_t victim(std::uint64_t newest) const;
  /// @pre not empty
  std::uint64_t front() const { return *by_arrival_.begin(); }

  /// The oldest request that is younger than this one; 0: none.
  std::uint64_t next_after(std::uint64_t request) const {
    auto next = by_arrival_.upper_bound(request);
    return next == by_arrival_.end() ? 0 : *next;
  }

  bool empty() const { return by_arrival_.empty(); }
  std::size_t size() const { return by_arrival_.size(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  request_queue_options options_;
  std::set<std::uint64_t> by_arrival_;
  /// Kept for the policy that needs it; empty otherwise.
  std::set<std::pair<spi::timestamp, std::uint64_t>> by_deadline_;
  std::uint64_t bytes_ = 0;
};

} // namespace atl
