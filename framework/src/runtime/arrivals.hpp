#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace atl::runtime {

/// Bounds the requests in an actor's mailbox, where they lie until the actor takes them. Senders
/// enter, the actor lets them leave. Thread-safe.
class arrivals {
 public:
  arrivals(std::size_t requests_max, std::uint64_t bytes_max)
      : requests_max_{requests_max}, bytes_max_{bytes_max} {}

  /// @returns false if the mailbox is full; the request counts as refused then. A request above the
  /// bound of the bytes enters an empty mailbox.
  bool enter(std::uint64_t bytes) {
    auto others = requests_.fetch_add(1);
    auto bytes_before = bytes_.fetch_add(bytes);
    if (others < requests_max_ && (bytes_before == 0 || bytes_before + bytes <= bytes_max_))
      return true;
    leave(bytes);
    ++refused_;
    return false;
  }
  void leave(std::uint64_t bytes) {
    bytes_ -= bytes;
    --requests_;
  }
  std::uint64_t refused() const { return refused_; }

 private:
  const std::size_t requests_max_;
  const std::uint64_t bytes_max_;
  std::atomic<std::size_t> requests_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> refused_{0};
};

} // namespace atl::runtime
