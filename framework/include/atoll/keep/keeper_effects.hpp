#pragma once

#include <atoll/keep/units.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace atl::keep {

/// A number that the keeper gives to a query, an order or a command, and gets back with its
/// outcome. Never used twice by one keeper.
using ticket = std::uint64_t;

/// Asks the application's state for units. The state must be read linearizably, after this effect
/// was taken. Answered by `keeper::on_page` or `on_query_failed`.
struct unit_query {
  enum class scope : std::uint8_t {
    incomplete, ///< units that lack fragments, the most endangered first
    on_node,    ///< units with a fragment on `node`, by id
    known,      ///< those of the units `ids` that exist, by id
  };

  ticket id = 0;
  scope what = scope::incomplete;
  node_id node = no_node;
  std::uint8_t after_spare = 0; ///< of `incomplete`: continues after this danger and unit
  unit_id after;                ///< all zero: from the first
  std::uint32_t units_max = 0;
  std::vector<unit_id> ids; ///< at most `known_ids_max`
};

/// Asks a node for the fragments that it holds, in order of their keys, from `from` on. Answered by
/// `keeper::on_slice` or `on_slice_failed`.
struct slice_query {
  ticket id = 0;
  node_id node = no_node;
  fragment_key from;
};

struct order_source {
  std::uint32_t fragment = 0;
  node_id node = no_node;

  friend bool operator==(const order_source&, const order_source&) = default;
};

/// Work for a node. Answered by `keeper::on_done`. A node carries out only orders of the highest
/// term that it has seen. An order may be lost, or arrive twice or late.
struct order {
  enum class work : std::uint8_t {
    copy,    ///< fetch the fragment from the first of `sources` that has it, check it, store it
    rebuild, ///< make the fragment anew from others that `sources` have, store it
    verify,  ///< read the fragment and check it; set it aside if it is damaged
    remove,  ///< remove this copy of the fragment: the one of this generation
  };

  ticket id = 0;
  std::uint64_t term = 0;
  work what = work::copy;
  node_id at = no_node;
  fragment_key key;
  std::uint64_t fragment_bytes = 0;
  std::uint64_t unit_bytes = 0;
  std::uint32_t unit_checksum = 0;
  policy_id policy = 0;
  std::vector<order_source> sources;
  std::size_t senders = 0; ///< so many of the sources, the first, are read unless one of them fails
  std::uint64_t generation = 0;
};

struct relocation {
  fragment_key key;
  node_id from = no_node; ///< where the state has the fragment now
  node_id to = no_node;

  friend bool operator==(const relocation&, const relocation&) = default;
};

/// A command to the application's state: move each fragment whose place is still `from`. The state
/// remembers the highest term of such a command, and refuses those of lower terms: a new leader
/// sends one without moves first, so that no relocation of an earlier leader takes effect behind
/// its back. Answered by `keeper::on_relocated` or `on_command_failed`.
struct relocate {
  ticket id = 0;
  std::uint64_t term = 0;
  std::vector<relocation> moves; ///< at most `relocations_max`
};

/// A command to the application's state. Answered by `keeper::on_nodes` or `on_command_failed`.
struct set_node_state {
  ticket id = 0;
  node_id node = no_node;
  node_state to = node_state::active;
};

/// Something worth a line in the log.
struct notice {
  enum class about : std::uint8_t {
    mended,     ///< a fragment was lost, and is in order again
    moved,      ///< a fragment was moved from a node that is drained or relieved
    adopted,    ///< a fragment that a node still had is wanted again
    damaged,    ///< a node found a fragment damaged
    missing,    ///< a node doesn't have a fragment that it should have
    unreadable, ///< of a unit too few fragments can be reached
    readable,   ///< of such a unit enough fragments can be reached again
    node_dead,  ///< a node was silent for too long
    node_back,  ///< a dead node has returned
    drained,    ///< nothing is left on a draining node
    held_back,  ///< too many nodes are silent at once for any of them to count as dead
  };

  about what = about::mended;
  fragment_key key;
  node_id node = no_node;  ///< the new place, or the node that it is about
  node_id from = no_node;  ///< the former place
  std::uint32_t spare = 0; ///< of `mended`: the losses that the unit could survive before
};

using effect = std::variant<unit_query, slice_query, order, relocate, set_node_state, notice>;

} // namespace atl::keep
