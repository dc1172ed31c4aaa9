#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace atl::compare {

/// Chunks that wait for repair, by how many further losses each can spare. The order among equals
/// is that of arrival. A chunk may be in several places: the caller leaves out entries that no
/// longer hold.
class danger_queue {
 public:
  struct entry {
    std::uint32_t chunk = 0;
    std::uint32_t spare = 0;
  };

  void push(entry added) {
    if (lists_.size() <= added.spare)
      lists_.resize(added.spare + 1);
    lists_[added.spare].chunks.push_back(added.chunk);
    least_ = std::min(least_, added.spare);
  }

  std::optional<entry> pop() {
    for (; least_ < lists_.size(); ++least_) {
      auto& list = lists_[least_];
      if (list.next < list.chunks.size())
        return entry{list.chunks[list.next++], least_};
      list = {};
    }
    return std::nullopt;
  }

  void clear() {
    lists_.clear();
    least_ = 0;
  }

 private:
  struct list {
    std::vector<std::uint32_t> chunks;
    std::size_t next = 0;
  };

  std::vector<list> lists_; ///< by spare losses
  std::uint32_t least_ = 0; ///< lists before this one are empty
};

} // namespace atl::compare
