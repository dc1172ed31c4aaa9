#pragma once

#include <atoll/keep/keeper.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace atl::keep {

/// The fragments that are known to be damaged or missing at the node that should have them, because
/// that node said so. Bounded: what doesn't fit is found again by the next audit.
class exception_table {
 public:
  struct entry {
    node_id node = no_node;
    fragment_condition what = fragment_condition::gone;
    bool is_told = false;
  };
  struct finding {
    node_id node = no_node;
    fragment_key key;
    fragment_condition what = fragment_condition::gone;
  };

  bool is_full() const { return entries_.size() >= exceptions_max; }
  std::size_t size() const { return entries_.size(); }

  /// @returns false if it is known already or doesn't fit
  bool add(node_id node, const fragment_key& key, fragment_condition what);
  bool erase(node_id node, const fragment_key& key);
  void erase_unit(const unit_id& unit);
  /// Erases the entries that name another place than the record.
  void keep_only(const unit_record& record);
  /// The entries of a unit that weren't returned before.
  std::vector<finding> take_untold(const unit_id& unit);
  void clear();
  /// Differs whenever the entries do.
  std::uint64_t version() const { return version_; }

  /// What is known of a fragment at a node.
  std::optional<fragment_condition> find(node_id node, const fragment_key& key) const;
  bool has(const unit_id& unit) const;
  /// Up to `count` units after a unit, ascending.
  std::vector<unit_id> units_after(const unit_id& after, std::size_t count) const;

 private:
  /// A fragment has one wanted place, so one entry is enough.
  std::map<fragment_key, entry> entries_;
  std::uint64_t version_ = 0;
};

} // namespace atl::keep
