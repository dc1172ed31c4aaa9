#pragma once

#include <atoll/spi/balancer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace atl::properties {

/// A member as a check makes it up: what `update` tells of it, and its facts.
struct listed_member {
  std::uint64_t id = 0;
  std::uint32_t domain = 0;
  double weight = 1;
  bool available = true;
  std::uint32_t in_flight = 0;
  std::uint32_t reported_in_flight = 0;
  float latency = 0; ///< microseconds
  std::uint64_t free_bytes = 0;
  std::uint64_t capacity = 0;
};

using member_list = std::vector<listed_member>;
using slot_list = std::vector<spi::slot>;

/// Makes the balancer under test, with this seed and the options that the caller has chosen.
using balancer_maker = std::function<std::unique_ptr<spi::balancer>(std::uint64_t seed)>;

/// Calls one balancer as a host does: keeps the facts by slot, passes a time that never goes back,
/// and calls `update` before anything else.
///
/// Errors: functions throw `verify::broken` if the balancer writes beyond the places that it was
/// given, or claims to have filled more.
class balancer_driver {
 public:
  /// @throws verify::broken if there is no balancer
  explicit balancer_driver(std::unique_ptr<spi::balancer> balancer);

  /// Makes these the members and their facts. Calls `update` only if something differs that
  /// `update` tells.
  void use(const member_list& members);

  // Picks come 100 microseconds after each other, unless the time is advanced besides.
  /// Allocates nothing itself.
  spi::slot pick(std::uint64_t key, std::span<const spi::slot> tried = {});
  /// As `pick_many`, but allocates nothing itself. @returns how many of `places` were filled
  std::size_t fill(std::span<spi::slot> places, std::uint64_t key,
                   std::span<const spi::slot> tried = {});
  slot_list pick_many(std::size_t count, std::uint64_t key, std::span<const spi::slot> tried = {});

  void observe(spi::slot who, const spi::outcome& result);
  slot_list wanted_probes(std::size_t room);
  void on_probe(spi::slot who, const spi::probe_result& result);

  void advance(std::chrono::microseconds by) { now_ += by; }
  spi::timestamp now() const { return now_; }
  std::size_t size() const { return members_.size(); }

 private:
  slot_list filled(std::size_t room, const char* function,
                   const std::function<std::size_t(std::span<spi::slot>)>& fill);
  bool is_told(const member_list& members) const;
  spi::member_facts facts() const;

  std::unique_ptr<spi::balancer> balancer_;
  bool is_updated_ = false;
  std::vector<spi::member> members_; ///< of the last `update`
  std::vector<std::uint8_t> available_;
  std::vector<std::uint32_t> domain_, in_flight_, reported_in_flight_;
  std::vector<float> latency_;
  std::vector<std::uint64_t> free_bytes_;
  spi::timestamp now_{1'000'000};
};

} // namespace atl::properties
