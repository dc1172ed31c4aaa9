#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace atl {

/// Values that are referred to by the number of their slot until they are taken out. A slot is
/// used again after its value was taken, so that a pool of steady size allocates nothing.
template <class T>
class slot_pool {
 public:
  /// @returns the slot of `value`.
  std::uint64_t put(T value) {
    if (free_.empty()) {
      slots_.push_back({std::move(value), true});
      return slots_.size() - 1;
    }
    auto slot = free_.back();
    free_.pop_back();
    slots_[slot] = {std::move(value), true};
    return slot;
  }

  /// @param slot one that holds a value
  T take(std::uint64_t slot) {
    free_.push_back(slot);
    slots_[slot].used = false;
    return std::move(slots_[slot].value);
  }
  /// Takes all values out, in the order of their slots.
  std::vector<T> take_all() {
    std::vector<T> values;
    for (auto& slot : slots_)
      if (slot.used)
        values.push_back(std::move(slot.value));
    slots_.clear();
    free_.clear();
    return values;
  }

  /// @param slot one that holds a value
  T& at(std::uint64_t slot) { return slots_[slot].value; }
  std::size_t size() const { return slots_.size() - free_.size(); }

 private:
  struct slot {
    T value;
    bool used = false;
  };

  std::vector<slot> slots_;
  std::vector<std::uint64_t> free_;
};

} // namespace atl
