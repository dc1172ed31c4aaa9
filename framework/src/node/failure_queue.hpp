#pragma once

#include <atoll/core/error.hpp>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

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
  std::vector<failure> take_all() {
    std::lock_guard lock{mutex_};
    return std::exchange(waiting_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<failure> waiting_;
};

} // namespace atl::node
