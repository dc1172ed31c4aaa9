#pragma once

#include <mutex>
#include <utility>

namespace atl {

/// What one thread writes now and then, and others read without waiting for it. Thread-safe.
template <class T>
class latest_value {
 public:
  void set(T value) {
    std::lock_guard lock{mutex_};
    value_ = std::move(value);
  }
  T get() const {
    std::lock_guard lock{mutex_};
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

} // namespace atl
