#pragma once

#include <atoll/spi/consensus.hpp>

#include <cstddef>
#include <deque>
#include <utility>

namespace atl::leader_based {

/// The entries of a log after its base, which stands for all entries up to it. `Entry` has
/// `bytes()`, its approximate size in memory.
template <class Entry>
class indexed_log {
 public:
  spi::log_index base() const { return base_; }
  spi::log_index last() const { return base_ + entries_.size(); }
  std::size_t bytes() const { return bytes_; }
  /// @pre base < `index` ≤ last
  Entry& at(spi::log_index index) { return entries_[index - base_ - 1]; }
  const Entry& at(spi::log_index index) const { return entries_[index - base_ - 1]; }

  void append(Entry it) {
    bytes_ += it.bytes();
    entries_.push_back(std::move(it));
  }
  void replace(spi::log_index index, Entry it) {
    bytes_ += it.bytes() - at(index).bytes();
    at(index) = std::move(it);
  }
  /// Removes all entries after `last`.
  void truncate(spi::log_index last) {
    while (this->last() > last && !entries_.empty()) {
      bytes_ -= entries_.back().bytes();
      entries_.pop_back();
    }
  }
  /// Removes all entries up to `base`, which may be beyond the last one.
  void cut(spi::log_index base) {
    while (base_ < base && !entries_.empty()) {
      bytes_ -= entries_.front().bytes();
      entries_.pop_front();
      ++base_;
    }
    base_ = std::max(base_, base);
  }

 private:
  spi::log_index base_ = 0;
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
};

} // namespace atl::leader_based
