#pragma once

#include <atoll/core/consensus_identity.hpp>
#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/runtime/wire_versions.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::runtime {

/// The role of a process that uses a cluster and is no part of it.
inline constexpr std::string_view client_role = "client";

/// How far a replica's durable log reaches, and whether its disk has room for more. Term and entry
/// never decrease within an incarnation, and the next incarnation must start with at least the
/// same: a log that holds less is an older copy of the disk and has forgotten promises.
struct replica_mark {
  std::uint64_t incarnation = 0;
  std::uint64_t term = 0;
  spi::log_index entry = 0;    ///< entries up to this index are durable here and committed
  bool short_of_space = false; ///< its disk has less space left than its reserve
};

/// A role of a node. All but the name is for roles with a replica alone: the place in the group,
/// and the properties that all members of the group must share.
struct role_info {
  std::string name;            ///< `master`, `storage`, `jobs`
  spi::replica_id replica = 0; ///< 0: the role has no replica
  consensus_identity consensus;
  std::string group; ///< its group's id (`group_birth::group`); empty: it belongs to none yet
  replica_mark mark; ///< the mark of its log when the replica started
};

/// What a node tells another in the handshake.
struct node_info {
  spi::version_range wire = wire_versions;
  std::string cluster;
  std::string name;
  std::string address;          ///< where it listens, `host:port`; empty: a client
  std::string folder;           ///< the id of its data folder; empty: a client
  std::vector<role_info> roles; ///< none: a client

  /// @returns null if the node doesn't have the role.
  const role_info* find_role(std::string_view role) const;
};

std::string encode(const node_info& info);
/// Reads hostile bytes.
/// @param mine the wire versions of this node
/// @returns errc::refused, naming both ranges, if the sender speaks none of `mine`
result<node_info> decode_node_info(std::string_view bytes, const spi::version_range& mine);

/// Why a node's role may not take part, while the node's other roles may.
struct role_refusal {
  std::string role;
  error why;
};

/// The answer to a handshake of a node that belongs to the cluster.
struct handshake_response {
  node_info self; ///< of the answering node
  /// Roles that both nodes have, and that don't fit together.
  std::vector<role_refusal> refused;
};
std::string encode(const handshake_response& response);
/// Like `decode_node_info`.
result<handshake_response> decode_handshake_response(std::string_view bytes,
                                                     const spi::version_range& mine);

/// Why the two nodes can't be in one cluster, as a sentence that says what differs; empty if they
/// can.
std::string incompatibility(const node_info& mine, const node_info& theirs);
/// Why the replicas that two nodes have in a role can't be in one group; empty if they can, or if
/// one of the nodes has no replica in it. They must have consensus plugins that understand each
/// other
/// (`difference` of consensus_identity), and the same group if both belong to one.
std::string incompatibility(const node_info& mine, const node_info& theirs, std::string_view role);

/// Do both describe one process: does a node talk to itself?
bool is_same_node(const node_info& mine, const node_info& theirs);

/// A sentence for one who asks a node for a role that it doesn't have: names the roles that it has,
/// and the one whose name is like the wanted one. @param node the node's name
std::string describe_missing_role(std::string_view node, std::string_view wanted,
                                  const std::vector<std::string>& present);
/// The same for a node that has introduced itself.
std::string describe_missing_role(const node_info& node, std::string_view wanted);

/// The mark of one of a node's replicas, as its heartbeats report it.
struct role_mark {
  std::string role;
  spi::replica_id replica = 0;
  replica_mark mark;
};
/// The body of a node's heartbeat.
std::string encode_marks(const std::vector<role_mark>& marks);
/// Reads hostile bytes. @returns none for malformed marks.
std::optional<std::vector<role_mark>> decode_marks(std::string_view bytes);

/// The body of the answer to a heartbeat: the version of what the answering node says about itself
/// (`node_description::version`). The sender introduces itself again when the version has changed,
/// and so learns what has become of the other node's roles.
std::string encode_description_version(std::uint64_t version);
/// Reads hostile bytes. @returns none for anything else, such as the empty body of a node that
/// doesn't tell its version.
std::optional<std::uint64_t> decode_description_version(std::string_view bytes);

/// Hash of the cluster's name.
std::uint64_t cluster_digest(const node_info& info);
/// Hash of the properties that are equal at all members of a role's group while the group exists:
/// the cluster's name, the consensus plugin's name and the group. What else must agree is judged in
/// the handshake, because it can't be compared by equality: versions by their ranges, and options
/// that not every version of the plugin has.
std::uint64_t group_digest(const node_info& info, const role_info& role);

/// Timing of connections between nodes.
struct connection_settings {
  std::chrono::milliseconds heartbeat{500};
  std::chrono::milliseconds failure_timeout{2000}; ///< without an answer: the node is down
  std::chrono::milliseconds backoff_min{50};       ///< before the second attempt to connect
  std::chrono::milliseconds backoff_max{2000};     ///< doubles up to here, with jitter
  std::uint64_t snapshot_rate = 64 << 20;          ///< bytes a second that a snapshot may take
};

} // namespace atl::runtime
