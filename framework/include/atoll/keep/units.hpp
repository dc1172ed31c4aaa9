#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <vector>

namespace atl::keep {

/// What is stored as fragments on several nodes, such as a chunk of a file. Units are ordered by
/// their ids; an application that gives ids in the order of time tells by the id alone which units
/// are young (`keeper::on_watermark`).
struct unit_id {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const unit_id&, const unit_id&) = default;
};

using node_id = std::uint32_t;
inline constexpr node_id no_node = 0;

/// How a unit is stored: by which recovery scheme, and on which nodes its fragments may be placed.
using policy_id = std::uint32_t;

/// Where the application's state wants the fragments of a unit.
struct unit_record {
  unit_id id;
  std::uint64_t size_bytes = 0;
  policy_id policy = 0;
  std::uint32_t checksum = 0; ///< of its bytes; the keeper only hands it on with orders
  /// By index of the fragment; `no_node`: the fragment was never stored, or it is known to be lost.
  std::vector<node_id> nodes;

  friend bool operator==(const unit_record&, const unit_record&) = default;
};

/// One fragment of a unit, wherever it is.
struct fragment_key {
  unit_id unit;
  std::uint32_t fragment = 0;

  friend auto operator<=>(const fragment_key&, const fragment_key&) = default;
};

/// A fragment that a node holds.
struct held_fragment {
  fragment_key key;
  /// Tells this copy from a former or later one of the same key at the same node.
  std::uint64_t generation = 0;

  friend auto operator<=>(const held_fragment&, const held_fragment&) = default;
};

/// What the application's state says of a node. Durable, and the same for each leader.
enum class node_state : std::uint8_t {
  active,
  draining,  ///< gets no new data, and its fragments are moved to other nodes
  dead,      ///< its fragments count as lost
  forgotten, ///< likewise, and it never comes back
};

struct node_record {
  node_id id = no_node;
  node_state state = node_state::active;
};

} // namespace atl::keep

template <>
struct std::hash<atl::keep::unit_id> {
  std::size_t operator()(const atl::keep::unit_id& id) const noexcept {
    return static_cast<std::size_t>((id.high * 0x9e3779b97f4a7c15) ^ (id.low + (id.high >> 29)));
  }
};
