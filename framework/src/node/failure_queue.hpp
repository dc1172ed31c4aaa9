#pragma once

#include <atoll/core/error.hpp>

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace atl::node {

/// The failures of roles that the main thread has not dealt with yet. Thread-safe.
class failure_queue {
 public:
  struct failure {
    std::string role;
    error problem;
  };

  void push(std::string role, error problem) {
    std::lock_guard lock{mutex_};
    waiting_.push_back({std::move(role), std::move(problem)});
  }
  /// The oldest one; none: there is none.
  std::optional<failure> take() {
    std::lock_guard lock{mutex_};
    if (waiting_.empty())
      return std::nullopt;
    auto oldest = std::move(waiting_.front());
    waiting_.pop_front();
    return oldest;
  }
  /// Drops all of a role.
  void drop(const std::string& role) {
    std::lock_guard lock{mutex_};
    std::erase_if(waiting_, [&](auto& it) { return it.role == role; });
  }

 private:
  std::mutex mutex_;
  std::deque<failure> waiting_;
};

} // namespace atl::node
