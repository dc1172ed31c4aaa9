#pragma once

#include <atoll/keep/keeper_effects.hpp>
#include <atoll/keep/keeper_report.hpp>
#include <atoll/keep/keeper_settings.hpp>
#include <atoll/keep/rebalance_plan.hpp>
#include <atoll/keep/units.hpp>
#include <atoll/spi/balancer.hpp>
#include <atoll/spi/recovery.hpp>
#include <atoll/spi/timestamp.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace atl::keep {

/// What a node says of itself with each heartbeat.
struct vitals {
  std::uint64_t capacity_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t fragments = 0;
  std::uint32_t domain = 0; ///< failure domain; equal numbers may fail together
  double weight = 1;
  std::uint32_t in_flight = 0; ///< requests that it is working on
  bool takes_data = true;      ///< false: its disk has failed, so that it can only be read
};

/// The plugins of a policy. A keeper calls the recovery scheme's `judge`, `plan`, `layout` and
/// `fragment_size`, and the balancer's `update` and `pick`.
struct policy_plugins {
  std::shared_ptr<const spi::recovery> recovery;
  std::shared_ptr<spi::balancer> placement; ///< used by this keeper alone
};

/// The rules that keep data safe, one flag each. A keeper in production follows all of them; the
/// proofs switch one off at a time, to show that the simulator notices. Two rules are a second line
/// of defence, and the simulator can't notice that they are missing:
/// - `healthy_before_removal`: what a scheme promises holds without surplus copies; they help only
///   once more is lost than that.
/// - `audit_when_leading`: the first news of the state leads to the same audits after
///   `audit_pause`.
struct keeper_rules {
  bool verify_suspicions = true;      ///< 1: what an audit's list lacks is verified first
  bool distrust_silence = true;       ///< 2: a node that is down isn't dead yet
  bool damp_flapping = true;          ///< 2: a node that comes and goes is given more time
  bool copy_before_relocating = true; ///< 3
  bool avoid_removals = true;         ///< 3: no copy goes where one is being removed
  bool watermark = true;              ///< 4: young units are left alone
  bool ask_before_removal = true;     ///< 4: the state is read after the node listed the copy
  bool healthy_before_removal = true; ///< 4: a surplus copy stays while its unit lacks others
  bool grace_before_removal = true;   ///< 4
  bool name_generations = true;       ///< 4
  bool most_endangered_first = true;  ///< 6
  bool keep_rates = true;
  bool whole_lists_only = true;   ///< an unfinished list doesn't tell what a node lacks
  bool fence_leaders = true;      ///< no relocation of an earlier leader comes late
  bool audit_when_leading = true; ///< what an earlier leader knew is found out again
  bool count_departures = true;   ///< what was moved away counts as gone although it takes space
  bool spread_over_domains =
      true;                       ///< a fragment goes to the failure domains with the fewest others
  bool rebalance_downhill = true; ///< only nodes below the mean take what leaves overfull ones
};

struct keeper_setup {
  keeper_settings settings;
  keeper_rules rules{};
  /// The plugins of a policy; null: not known (yet), so that its units wait. The pointer is used
  /// until the next call.
  std::function<const policy_plugins*(policy_id)> plugins_of;
  std::uint64_t seed = 0; ///< for choices that nothing else decides
};

/// What came of an order.
struct order_result {
  enum class outcome : std::uint8_t {
    done,
    not_found,     ///< the node doesn't have the fragment (of this generation)
    damaged,       ///< the node's fragment is damaged, and was set aside
    source_failed, ///< a source couldn't be reached, or its fragment isn't in order
    no_space,
    failed, ///< anything else; also: the order was refused
  };

  outcome what = outcome::done;
  node_id failed_source = no_node; ///< of `source_failed`
};

enum class relocation_outcome : std::uint8_t {
  moved,
  is_elsewhere, ///< the state has the fragment at another place than `from`
  no_such_unit,
  impossible, ///< the target may hold no data
  superseded, ///< the command is of an earlier leader
};

/// What a node tells unasked about a fragment.
enum class fragment_condition : std::uint8_t {
  gone,    ///< the node has found that it doesn't have it any more
  damaged, ///< the node has set it aside
  stored,  ///< the node has it
};

/// Keeps data alive that an application has spread over nodes: repairs units that lack fragments,
/// the most endangered first; finds what nodes lack or hold in vain; moves data from nodes that are
/// drained or too full; removes what nothing refers to. All of that at bounded rates.
///
/// Pure: events in, effects out. It reads no clock and does no input or output, so a simulator can
/// prove what a cluster runs. One keeper works at a time: that of the leader. All that it knows
/// besides the application's durable state may be lost with the leader, and is found out again.
///
/// Rules that keep data safe, whatever is lost, doubled or late:
/// 1. A fragment counts as missing only when its node says so explicitly or is dead; never because
///    a node is silent, or because an audit's list lacks it.
/// 2. A node that is down isn't dead yet. A node that keeps coming and going is given more time.
/// 3. Fragments are copied before they are relocated, and relocated before a copy is removed. No
///    fragment is stored on a node that has an order to remove one of the same unit.
/// 4. A copy is removed only if its unit is below the watermark, a state that was read after the
///    node listed the copy doesn't want it, and, where the unit exists, all its fragments are in
///    order and the grace time since the relocation has passed. The order names the copy's
///    generation.
/// 5. Nothing is copied unverified: the node that copies checks what it reads.
/// 6. The most endangered units are repaired first, over all units.
/// 7. Orders carry the term of the leader.
///
/// Protocol with the host: `advance` before each other call; afterwards `take_effects`, and
/// `advance` again no later than `deadline`. Not thread-safe.
class keeper {
 public:
  explicit keeper(keeper_setup setup);
  ~keeper();
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;

  /// The present time, which never decreases.
  void advance(spi::timestamp now);
  /// When `advance` is wanted at the latest.
  spi::timestamp deadline() const;

  /// The host leads from now on, in this term; a repeated call in a higher term begins anew.
  void on_lead(std::uint64_t term);
  /// The host doesn't lead any more. Everything but what is known of the nodes is dropped, and no
  /// effects come until `on_lead`.
  void on_follow();
  void on_settings(const keeper_settings& settings);
  /// A policy's plugins have become known or changed.
  void on_policy(policy_id policy);

  /// All nodes that the state knows; one that isn't among them any more is forgotten. Also called
  /// by followers' hosts.
  void on_nodes(std::span<const node_record> nodes);
  /// A heartbeat. Also called by followers' hosts, so that a new leader knows the nodes.
  /// @param incarnation of the node's process
  void on_heard(node_id node, std::uint64_t incarnation, const vitals& what);
  /// Counters of the state. `version` changes whenever the state does.
  void on_state(std::uint64_t version, std::uint64_t units, std::uint64_t incomplete_units);
  /// A unit with a lower id that the state doesn't know never becomes known to it. Never decreases.
  void on_watermark(unit_id watermark);

  // Answers to effects. Unknown tickets, such as those of an earlier term, are ignored.
  /// @param last_spare of `scope::incomplete`: the danger of the last unit
  void on_page(ticket id, std::span<const unit_record> units, bool more,
               std::uint8_t last_spare = 0);
  void on_query_failed(ticket id);
  /// @param held in order; complete from `slice_query::from` to the last of them, or to the end of
  /// what the node has if `is_last`
  void on_slice(ticket id, std::span<const held_fragment> held, bool is_last);
  void on_slice_failed(ticket id);
  void on_done(ticket id, const order_result& result);
  /// @param outcomes as many as the command had relocations
  void on_relocated(ticket id, std::span<const relocation_outcome> outcomes);
  void on_command_failed(ticket id);

  // What nodes tell unasked.
  void on_fragment(node_id node, const fragment_key& key, fragment_condition what);

  // What operators ask for.
  /// Audits all nodes once, soon. `keeper_report::audit_round` tells when that is done.
  /// @returns the number of the round
  std::uint64_t request_audit();
  /// Looks at these units soon: each place is verified, and what is missing is repaired.
  void request_verify(std::span<const unit_id> units);
  /// Relieves overfull nodes as soon as it can, without the pauses between two attempts.
  void request_rebalance();
  /// What rebalancing is to move now.
  rebalance_plan plan_rebalance() const;

  std::vector<effect> take_effects();
  keeper_report report() const;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace atl::keep
