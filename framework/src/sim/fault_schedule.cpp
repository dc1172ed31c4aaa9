#include "fault_schedule.hpp"

#include <algorithm>

namespace atl::sim {

injection_point fault_schedule::point(fault_kind kind, std::uint32_t from, std::uint32_t to) const {
  injection_point it;
  it.id = {kind, static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(to), 0};
  auto place = (std::uint64_t{from} << 32) | to;
  // These keys differ from the keys of every `purpose`.
  it.rng = indexed_rng{combine(combine(seed_, 1'000 + static_cast<std::uint64_t>(kind)), place)};
  return it;
}

std::optional<spi::random_source> fault_schedule::act(const injection_point& at, std::int64_t now) {
  auto id = at.id;
  id.number = at.rng.drawn();
  if (only_ && !std::binary_search(only_->begin(), only_->end(), id))
    return std::nullopt;
  acted_.push_back({id, now});
  if (on_fault)
    on_fault(id);
  return at.rng.details();
}

} // namespace atl::sim
