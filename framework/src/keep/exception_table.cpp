#include "exception_table.hpp"

#include <utility>

namespace atl::keep {

bool exception_table::add(node_id node, const fragment_key& key, fragment_condition what) {
  auto known = entries_.find(key);
  if (known != entries_.end()) {
    auto is_news = known->second.node != node;
    version_ += is_news ? 1 : 0;
    known->second = {node, what, known->second.is_told && !is_news};
    return is_news;
  }
  if (is_full())
    return false;
  ++version_;
  entries_.emplace(key, entry{node, what, false});
  return true;
}

bool exception_table::erase(node_id node, const fragment_key& key) {
  auto known = entries_.find(key);
  if (known == entries_.end() || known->second.node != node)
    return false;
  ++version_;
  entries_.erase(known);
  return true;
}

void exception_table::erase_unit(const unit_id& unit) {
  version_ += has(unit) ? 1 : 0;
  entries_.erase(entries_.lower_bound({unit, 0}), entries_.upper_bound({unit, ~std::uint32_t{0}}));
}

void exception_table::clear() {
  ++version_;
  entries_.clear();
}

void exception_table::keep_only(const unit_record& record) {
  auto end = entries_.upper_bound({record.id, ~std::uint32_t{0}});
  for (auto at = entries_.lower_bound({record.id, 0}); at != end;) {
    auto index = at->first.fragment;
    auto is_wanted = index < record.nodes.size() && record.nodes[index] == at->second.node;
    version_ += is_wanted ? 0 : 1;
    at = is_wanted ? std::next(at) : entries_.erase(at);
  }
}

std::vector<exception_table::finding> exception_table::take_untold(const unit_id& unit) {
  std::vector<finding> untold;
  auto end = entries_.upper_bound({unit, ~std::uint32_t{0}});
  for (auto at = entries_.lower_bound({unit, 0}); at != end; ++at)
    if (!std::exchange(at->second.is_told, true))
      untold.push_back({at->second.node, at->first, at->second.what});
  return untold;
}

std::optional<fragment_condition> exception_table::find(node_id node,
                                                        const fragment_key& key) const {
  auto known = entries_.find(key);
  if (known == entries_.end() || known->second.node != node)
    return std::nullopt;
  return known->second.what;
}

bool exception_table::has(const unit_id& unit) const {
  auto first = entries_.lower_bound({unit, 0});
  return first != entries_.end() && first->first.unit == unit;
}

std::vector<unit_id> exception_table::units_after(const unit_id& after, std::size_t count) const {
  std::vector<unit_id> units;
  for (auto at = entries_.upper_bound({after, ~std::uint32_t{0}});
       at != entries_.end() && units.size() < count;) {
    units.push_back(at->first.unit);
    at = entries_.upper_bound({units.back(), ~std::uint32_t{0}});
  }
  return units;
}

} // namespace atl::keep
