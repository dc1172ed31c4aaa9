#include "unreadable_units.hpp"

namespace atl::keep {

bool unreadable_units::add(const unit_id& unit, std::uint64_t pass) {
  if (auto known = passes_.find(unit); known != passes_.end()) {
    known->second = pass;
    return false;
  }
  if (passes_.size() >= units_max)
    return false;
  passes_.emplace(unit, pass);
  return true;
}

std::vector<unit_id> unreadable_units::not_seen_since(std::uint64_t pass) const {
  std::vector<unit_id> found;
  for (const auto& [unit, seen] : passes_)
    if (seen < pass)
      found.push_back(unit);
  return found;
}

} // namespace atl::keep
