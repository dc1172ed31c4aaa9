#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace atl::balancers {

/// An answer to a probe that is still of use.
struct pooled_probe {
  std::uint64_t id = 0; ///< the member's
  spi::slot who = spi::no_slot;
  std::uint32_t in_flight = 0;
  std::chrono::microseconds latency{0};
  spi::timestamp received{0};
  std::uint32_t uses_left = 0;
};

/// The last probe results, at most one for a member, the oldest first. Not thread-safe.
class probe_pool {
 public:
  /// @param limit `update` never sets a greater size
  explicit probe_pool(std::size_t limit) { probes_.reserve(limit + 1); }

  std::size_t size() const { return probes_.size(); }
  std::span<const pooled_probe> probes() const { return probes_; }

  /// Adds the newest result, in place of an older one of its member; the oldest leaves a full pool.
  void add(const pooled_probe& probe) {
    std::erase_if(probes_, [&](const pooled_probe& each) { return each.id == probe.id; });
    probes_.push_back(probe);
    if (probes_.size() > size_max_)
      probes_.erase(probes_.begin());
  }

  void remove(std::size_t index) {
    probes_.erase(probes_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void remove_received_before(spi::timestamp limit) {
    std::erase_if(probes_, [&](const pooled_probe& each) { return each.received < limit; });
  }

  /// Counts a request that is sent on the strength of this probe: its member has one more in flight
  /// from now on, and the probe leaves after its last use.
  void use(std::size_t index) {
    ++probes_[index].in_flight;
    if (--probes_[index].uses_left == 0)
      remove(index);
  }

  /// To be called by `update`. Probes of members that left are dropped.
  /// @param size_max results to keep from now on
  void update(std::span<const spi::member> members, std::size_t size_max) {
    size_max_ = size_max;
    std::unordered_map<std::uint64_t, spi::slot> slots;
    for (spi::slot who = 0; who < members.size(); ++who)
      slots.emplace(members[who].id, who);
    std::erase_if(probes_, [&](const pooled_probe& each) { return !slots.contains(each.id); });
    for (auto& probe : probes_)
      probe.who = slots.at(probe.id);
    while (probes_.size() > size_max_)
      remove(0);
  }

 private:
  std::size_t size_max_ = 0;
  std::vector<pooled_probe> probes_;
};

} // namespace atl::balancers
