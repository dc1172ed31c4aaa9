#pragma once

#include "fault_schedule.hpp"

#include <atoll/sim/faults.hpp>
#include <atoll/spi/random.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace atl::sim {

/// The simulated network: which replicas can reach each other, and when messages arrive. Replicas
/// are numbered from 1.
class sim_network {
 public:
  sim_network(std::uint32_t replicas, const fault_schedule& faults);

  /// Arrival times of the copies of one message; empty: it is lost.
  struct arrivals {
    std::array<std::int64_t, 3> at{};
    std::uint32_t count = 0;
  };
  arrivals send(std::uint32_t from, std::uint32_t to, std::int64_t now, const fault_rates& rates,
                fault_schedule& faults);

  bool is_cut(std::uint32_t from, std::uint32_t to) const { return cut_[link(from, to)] != 0; }
  void cut(std::uint32_t from, std::uint32_t to, bool on = true) {
    cut_[link(from, to)] = on ? 1 : 0;
  }
  /// Whether a message sent now arrives without a long delay, unless it is lost.
  bool is_open(std::uint32_t from, std::uint32_t to, std::int64_t now) const {
    return !is_cut(from, to) && clogged_[link(from, to)] <= now;
  }
  void clog(std::uint32_t from, std::uint32_t to, std::int64_t until) {
    clogged_[link(from, to)] = until;
  }
  void heal();

  /// Cuts the links of a partition drawn at random. @returns its name.
  const char* partition(spi::random_source& random);

 private:
  std::size_t link(std::uint32_t from, std::uint32_t to) const {
    return std::size_t{from - 1} * replicas_ + (to - 1);
  }
  template <class May>
  void allow(May may);

  struct link_chances {
    indexed_rng delays;
    injection_point loss;
    injection_point duplication;
    injection_point replays;
  };

  std::uint32_t replicas_;
  std::vector<char> cut_;
  std::vector<std::int64_t> clogged_; ///< when each link is free again
  std::vector<link_chances> chances_;
};

} // namespace atl::sim
