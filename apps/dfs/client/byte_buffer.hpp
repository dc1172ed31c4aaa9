#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace dfs {

/// Bytes in memory that isn't cleared before they are written, which a `std::string` would do.
class byte_buffer {
 public:
  std::size_t size() const { return size_; }
  std::string_view view() const { return {memory_.get(), size_}; }

  /// Changes the size. Bytes beyond the former size are unspecified.
  void resize(std::size_t size) {
    if (size > capacity_) {
      std::unique_ptr<char[]> larger{new char[size]}; // not `make_unique`, which clears
      std::copy_n(memory_.get(), size_, larger.get());
      memory_ = std::move(larger);
      capacity_ = size;
    }
    size_ = size;
  }
  /// All bytes from `offset` on.
  std::span<char> from(std::size_t offset) { return {memory_.get() + offset, size_ - offset}; }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace dfs
