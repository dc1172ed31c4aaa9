#pragma once

#include <atoll/spi/balancer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace atl::balancers {

/// What a strategy has learnt of each member, by slot; kept by id when the list of members changes.
/// What was learnt of a member that left is forgotten. Not thread-safe.
template <class State>
class member_state {
 public:
  /// To be called by `update`. A new member gets a `State{}`.
  /// @returns how many members are new
  std::size_t update(std::span<const spi::member> members) {
    std::vector<State> states(members.size());
    std::unordered_map<std::uint64_t, spi::slot> slots;
    slots.reserve(members.size());
    std::size_t known = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (auto former = slots_.find(members[i].id); former != slots_.end()) {
        states[i] = std::move(states_[former->second]);
        ++known;
      }
      slots.emplace(members[i].id, static_cast<spi::slot>(i));
    }
    states_ = std::move(states);
    slots_ = std::move(slots);
    return members.size() - known;
  }

  State& operator[](spi::slot who) { return states_[who]; }
  const State& operator[](spi::slot who) const { return states_[who]; }
  std::size_t size() const { return states_.size(); }
  auto begin() { return states_.begin(); }
  auto end() { return states_.end(); }

 private:
  std::vector<State> states_;
  std::unordered_map<std::uint64_t, spi::slot> slots_;
};

} // namespace atl::balancers
