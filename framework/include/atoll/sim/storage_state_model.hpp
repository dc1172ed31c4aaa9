#pragma once

#include <atoll/keep/keeper.hpp>
#include <atoll/keep/keeper_effects.hpp>
#include <atoll/keep/units.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace atl::sim {

/// The part of an application's durable state that a keeper works with: the records of units, the
/// states of nodes and the watermark, with the commands that change them and the queries of
/// `keep::unit_query`. Small and in memory, so that a simulation needs no database; a test holds it
/// to the name space of DFS.
class storage_state_model {
 public:
  /// What is known of a policy.
  struct policy_facts {
    std::uint32_t fragments = 1;     ///< of a unit
    std::uint32_t fragments_min = 1; ///< that a new unit must have
    std::uint32_t survives_losses = 0;
  };

  struct page {
    std::vector<keep::unit_record> units;
    bool more = false;
    std::uint8_t last_spare = 0; ///< of the scope `incomplete`: the danger of the last unit
  };

  void define_policy(keep::policy_id policy, const policy_facts& facts);
  void register_node(keep::node_id node);

  // Commands. Each says whether it took effect.
  /// Refused for a unit below the watermark or a known one, one with too few fragments, and one
  /// with a fragment on a node that may hold none.
  bool put(const keep::unit_record& unit);
  bool remove(const keep::unit_id& unit);
  /// Moves each fragment that is still at its `from`. A command of a lower term than that of an
  /// earlier one moves nothing.
  std::vector<keep::relocation_outcome> relocate(std::uint64_t term,
                                                 std::span<const keep::relocation> moves);
  /// `active` and `draining` change into each other and into `dead`, all into `forgotten`; nothing
  /// comes back from `dead` but to `active`, and nothing from `forgotten`.
  bool set_node_state(keep::node_id node, keep::node_state to);
  void raise_watermark(const keep::unit_id& to);

  // Queries.
  page query(const keep::unit_query& query) const;
  const keep::unit_record* find(const keep::unit_id& unit) const;
  /// None: the node isn't registered.
  std::optional<keep::node_state> state_of(keep::node_id node) const;
  bool may_hold_fragments(keep::node_id node) const;
  std::vector<keep::node_record> nodes() const;
  const keep::unit_id& watermark() const { return watermark_; }
  /// How near to its loss the state knows a unit to be: the losses that it survives, plus one; 0:
  /// it survives none of those that it has. None for a unit that lacks no fragment.
  std::optional<std::uint8_t> spare_of(const keep::unit_record& unit) const;

  std::uint64_t units() const { return units_.size(); }
  std::uint64_t incomplete_units() const { return incomplete_.size(); }
  /// Units with a fragment on this node.
  const std::set<keep::unit_id>& units_on(keep::node_id node) const;
  const std::map<keep::unit_id, keep::unit_record>& all_units() const { return units_; }
  /// Changes whenever the state does.
  std::uint64_t version() const { return version_; }

 private:
  void list(const keep::unit_record& unit);
  void unlist(const keep::unit_record& unit);

  std::map<keep::policy_id, policy_facts> policies_;
  std::map<keep::node_id, keep::node_state> nodes_;
  std::map<keep::unit_id, keep::unit_record> units_;
  std::map<keep::node_id, std::set<keep::unit_id>> on_node_;
  std::set<std::pair<std::uint8_t, keep::unit_id>> incomplete_;
  keep::unit_id watermark_;
  std::uint64_t relocation_term_ = 0; ///< the highest of all relocations
  std::uint64_t version_ = 1;
};

} // namespace atl::sim
