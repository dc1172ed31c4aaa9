#pragma once

#include "hash.hpp"

#include <atoll/sim/fault_id.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace atl::sim {

/// Random numbers whose n-th number can be computed without the numbers before it (splitmix64:
/// Steele, Lea & Flood, *Fast splittable pseudorandom number generators*, OOPSLA '14).
class indexed_rng {
 public:
  explicit indexed_rng(std::uint64_t key = 0) : key_{key} {}

  std::uint32_t drawn() const { return count_; }
  void skip() { ++count_; }
  /// Uniform in [0, 1).
  double draw_next() {
    return static_cast<double>(mix_bits(key_ + ++count_ * 0x9e3779b97f4a7c15) >> 11) * 0x1.0p-53;
  }
  /// RNG for details of the fault just drawn.
  spi::random_source details() const { return spi::random_source{combine(key_, count_)}; }

 private:
  std::uint64_t key_;
  std::uint32_t count_ = 0;
};

/// Purposes of randomness other than faults.
enum class purpose : std::uint64_t {
  birth = 1,
  replica,
  crash,
  client,
  workload,
  link,
  fault_injector,
  admin,
  wall_clock
};

/// A place at which faults of one kind may act, with a sequence of chances.
struct injection_point {
  fault_id id; ///< without its number
  indexed_rng rng;
};

/// All randomness of a run. Every place draws from its own source, so that leaving out a fault at
/// one place changes nothing elsewhere.
class fault_schedule {
 public:
  /// @param only if set: the only faults that may act; sorted
  fault_schedule(std::uint64_t seed, std::optional<std::vector<fault_id>> only)
      : seed_{seed}, only_{std::move(only)} {}

  injection_point point(fault_kind kind, std::uint32_t from = 0, std::uint32_t to = 0) const;
  indexed_rng rng(purpose what, std::uint64_t index) const {
    return indexed_rng{combine(combine(seed_, static_cast<std::uint64_t>(what)), index)};
  }
  /// RNG for one purpose other than faults.
  spi::random_source stream(purpose what, std::uint64_t index = 0, std::uint64_t sub = 0) const {
    return spi::random_source{
        combine(combine(combine(seed_, static_cast<std::uint64_t>(what)), index), sub)};
  }

  /// Takes the next chance of a place. @returns if a fault acts: the RNG for its details.
  std::optional<spi::random_source> should_inject(injection_point& at, double probability,
                                                  std::int64_t now) {
    if (probability <= 0 || at.rng.draw_next() >= probability)
      return std::nullopt;
    return act(at, now);
  }

  const std::vector<acted_fault>& acted() const { return acted_; }
  std::function<void(const fault_id&)> on_fault;

 private:
  std::optional<spi::random_source> act(const injection_point& at, std::int64_t now);

  std::uint64_t seed_;
  std::optional<std::vector<fault_id>> only_;
  std::vector<acted_fault> acted_;
};

} // namespace atl::sim
