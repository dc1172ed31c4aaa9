#pragma once

#include <atoll/keep/keeper_effects.hpp>

#include <cstdint>
#include <map>
#include <unordered_map>

namespace atl::keep {

/// Tells which units in an answer may have been relocated by this keeper after the state was read
/// for it, so that the answer's records of them are void.
class stale_pages {
 public:
  void on_query(ticket id) { asked_[id] = ++clock_; }
  /// The keeper has learnt that a unit's record has changed.
  void on_changed(const unit_id& unit) {
    if (!asked_.empty())
      changed_[unit] = ++clock_;
  }
  bool is_stale(ticket id, const unit_id& unit) const {
    auto asked = asked_.find(id);
    auto changed = changed_.find(unit);
    return asked != asked_.end() && changed != changed_.end() && changed->second > asked->second;
  }
  void on_answered(ticket id) {
    asked_.erase(id);
    if (asked_.empty())
      changed_.clear();
    else if (changed_.size() > 100'000)
      drop_older_than_queries();
  }
  void clear() {
    asked_.clear();
    changed_.clear();
  }

 private:
  void drop_older_than_queries() {
    auto oldest = clock_;
    for (const auto& [id, at] : asked_)
      oldest = at < oldest ? at : oldest;
    std::erase_if(changed_, [&](const auto& entry) { return entry.second < oldest; });
  }

  std::uint64_t clock_ = 0;
  std::map<ticket, std::uint64_t> asked_;
  std::unordered_map<unit_id, std::uint64_t> changed_;
};

} // namespace atl::keep
