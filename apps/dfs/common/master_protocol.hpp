#pragma once

#include "common/chunk_id.hpp"
#include "common/durability.hpp"
#include "common/repair_protocol.hpp"
#include "common/role_names.hpp"
#include "common/types.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/options.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The requests of storage nodes and clients to a master, other than commands and queries to the
/// name space, and what a master tells storage nodes. Each value of `kind` is a value of
/// `atl::runtime::message_kind`; the values begin at `application`.
namespace dfs::protocol {

enum class kind : std::uint16_t {
  heartbeat = 100, ///< `storage_heartbeat` → `storage_commands`
  allocate = 101,  ///< `allocate_request` → `allocate_response`
  cluster = 102,   ///< empty → `cluster_info`
  status = 103,    ///< empty → JSON, for people and scripts
  finish = 104,    ///< `finish_request` → empty
  renew = 106,     ///< `renew_request` → empty
  collect = 107,   ///< `collect_request` → `collect_state`, at once
  /// To a storage node: empty, answered empty. Orders wait, so the node sends its next heartbeat at
  /// once. A master sends it over the connection that the node made, without a reply.
  report_now = 108,
  // To a storage node, from a client (the first two: job/job_protocol.hpp).
  run_piece = 109,  ///< `job::piece_request` → `job::piece_result`, as a deferred call
  cancel_job = 110, ///< `job::cancel_request` → empty
  scrub_now = 112,  ///< `scrub_request` → `scrub_state`, at once (common/scrub_protocol.hpp)
  // To a master again (common/check_protocol.hpp).
  check_names = 111, ///< `check_request` → `check_state`, at once
  /// `chunk_check_request` → `chunk_check_state`, at once (common/chunk_check_protocol.hpp)
  check_chunks = 113,
  // To the leading master (common/backup_protocol.hpp).
  backup_names = 114, ///< `backup_request` → `backup_state`
  /// `rebalance_request` → `rebalance_state`, at once (common/rebalance_protocol.hpp)
  rebalance = 115,
  // Likewise (common/conversion_protocol.hpp).
  convert = 116,     ///< `conversion_request` → `conversion_response`, at once
  conversions = 117, ///< empty → `conversion_list`
};

/// A fragment that a storage node should have had, and found damaged or missing: it is there no
/// more.
struct fragment_finding {
  chunk_id chunk;
  std::uint32_t fragment = 0;

  friend bool operator==(const fragment_finding&, const fragment_finding&) = default;
};

/// A fragment that nothing refers to or ever will. A node removes this copy alone.
struct fragment_removal {
  chunk_id chunk;
  std::uint32_t fragment = 0;
  std::uint64_t generation = 0;
  std::uint64_t id = 0; ///< as of a `repair_task`: the node says how it ended; 0: it doesn't

  friend bool operator==(const fragment_removal&, const fragment_removal&) = default;
};

/// One of the disks of a storage node that has several.
struct disk_report {
  std::string folder; ///< the data folder there
  std::string failed; ///< why the disk isn't used, and what to do; empty: it is used
  std::uint64_t capacity_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t chunks = 0;
  std::uint64_t damaged = 0;
  scrub_status scrub;
};

/// From a storage node to each master, as its heartbeat.
struct storage_heartbeat {
  std::string name;
  std::string uuid;              ///< of the data folder
  std::uint64_t incarnation = 0; ///< of the node's process: another one after each start
  std::string group; ///< that the data belongs to (`atl::group_birth::group`); empty: none yet
  atl::endpoint bulk;
  std::string control; ///< `host:port` of the node's endpoint
  std::string zone;
  double weight = 1;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t chunks = 0;
  std::uint32_t in_flight = 0;     ///< requests for data that the node is working on
  std::uint64_t removed_bytes = 0; ///< of fragments removed on a master's order, since the start
  std::uint64_t damaged = 0; ///< fragments put aside because they were damaged, since the start
  std::string failed;        ///< why the node takes no more data; empty: it takes data
  /// `storage_commands::batch` that the node has taken from the receiver last; 0: none
  std::uint64_t batch_taken = 0;
  /// Since the last heartbeat that was answered.
  std::vector<fragment_finding> findings;
  std::vector<task_result> done;       ///< what the receiver ordered and has ended, ≤ tasks_max
  std::optional<fragment_slice> slice; ///< the answer to the receiver's `slice_from`
  scrub_status scrub;
  std::vector<disk_report> disks; ///< ≤ disks_max; none: the node has one
};

struct storage_commands {
  std::string
      group; ///< the master's group; a node whose data belongs to another group ignores the message
  storage_id id = no_storage; ///< 0: the node is not registered yet
  /// Of the leadership in which what follows was decided. A node follows no order of an older one,
  /// and drops the tasks of an older one that it has not begun.
  std::uint64_t term = 0;
  /// Names the orders that follow; 0: there are none. A batch is given again, as it was, until a
  /// heartbeat says that it was taken; the node takes it once.
  std::uint64_t batch = 0;
  std::vector<fragment_removal> remove;
  std::vector<repair_task> tasks; ///< ≤ tasks_max
  std::optional<slice_request> slice_from;
  /// Chunks are to be stored by other policies: the node may ask for some.
  bool has_conversions = false;
};

struct storage_target {
  storage_id id = no_storage;
  std::string name;
  atl::endpoint bulk;
};

/// Requests ids and storage nodes for chunks.
struct allocate_request {
  std::uint64_t upload = 0;      ///< random; the same for all chunks of one file
  std::uint32_t chunks = 0;      ///< 1 … 64
  std::uint64_t chunk_bytes = 0; ///< the largest of them
  /// Nodes that just failed, the last one that failed first. They get no fragment as long as enough
  /// others are left; otherwise those at the end of the list do.
  std::vector<storage_id> avoid;
  policy_id policy = no_policy; ///< by which the chunks are stored
};
struct placement {
  chunk_id chunk;
  std::vector<storage_target> targets; ///< by index of the fragment
};
struct allocate_response {
  std::vector<placement> placements; ///< as many as requested, or none
  /// Why there is no room if a retry does not help, for example because the disks are full.
  std::optional<atl::error> refusal;
  std::uint64_t version = 0; ///< `cluster_info::version`, so that clients notice other settings
};

/// An upload has ended, with success or not: the master need not protect its chunks any longer.
struct finish_request {
  std::uint64_t upload = 0;
};

/// An upload is still under way, so its chunks must not be collected. Sent to the leading master
/// every `renewal_interval`, also while the source pauses. A leader that did not place the upload's
/// chunks learns their age from it.
struct renew_request {
  std::uint64_t upload = 0;
  std::uint64_t began_us = 0; ///< `chunk_id::made_us` of its first chunk
};

/// The interval between renewals of an upload. @param grace `cluster_info::grace_us`
constexpr std::chrono::microseconds renewal_interval(std::chrono::microseconds grace) {
  using time = std::chrono::microseconds;
  return std::clamp<time>(grace / 3, std::chrono::milliseconds{10}, std::chrono::seconds{10});
}

/// Collects all chunks that nothing refers to and no upload under way may use, without the grace
/// time. A repeated request with the same number returns the progress.
struct collect_request {
  std::uint64_t run = 0; ///< random
};
enum class collect_phase : std::uint8_t { waiting, collecting, done };
inline constexpr collect_phase collect_phase_last = collect_phase::done;
struct collect_state {
  collect_phase phase = collect_phase::waiting;
  std::uint64_t fragments = 0;      ///< fragments removed so far
  std::uint64_t bytes = 0;          ///< bytes of the removed fragments
  std::uint64_t fragments_left = 0; ///< fragments found, but not removed yet
  std::uint64_t uploads =
      0; ///< uploads under way; chunks that are newer than the oldest of these stay
  std::uint64_t wait_ms = 0; ///< until uploads that a former leader knew must have been renewed
  std::vector<std::string> nodes_down; ///< fragments on these nodes stay
};

struct plugin_choice {
  std::string name;
  std::string version;
  atl::spi::options options;
};

struct storage_view {
  storage_target target;
  std::string zone;
  double weight = 1;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t free_bytes = 0;
  bool healthy = false;
};

/// What a client must know to store and read, besides the policies, which it asks the name space
/// for.
struct cluster_info {
  std::string cluster;
  std::uint64_t grace_us = 0; ///< chunks of an upload without renewals are collected after so long
  std::uint32_t losses_survived = 0; ///< masters that the name space may lose
  plugin_choice reads;               ///< the balancer that chooses the replica to read from
  /// Of the settings above: equal settings have equal versions (`settings_version`).
  std::uint64_t version = 0;
  std::vector<storage_view> storages;
};

/// The version of the settings in a description of the cluster: the same at all masters, and
/// another one for other settings.
std::uint64_t settings_version(const cluster_info& info);

std::string encode(const storage_heartbeat& message);
std::string encode(const storage_commands& message);
std::string encode(const allocate_request& message);
std::string encode(const allocate_response& message);
std::string encode(const finish_request& message);
std::string encode(const renew_request& message);
std::string encode(const collect_request& message);
std::string encode(const collect_state& message);
std::string encode(const cluster_info& message);

/// Decoders of bytes that may be hostile: `errc::corrupt` for anything malformed.
atl::result<storage_heartbeat> decode_storage_heartbeat(std::string_view bytes);
atl::result<storage_commands> decode_storage_commands(std::string_view bytes);
atl::result<allocate_request> decode_allocate_request(std::string_view bytes);
atl::result<allocate_response> decode_allocate_response(std::string_view bytes);
atl::result<finish_request> decode_finish_request(std::string_view bytes);
atl::result<renew_request> decode_renew_request(std::string_view bytes);
atl::result<collect_request> decode_collect_request(std::string_view bytes);
atl::result<collect_state> decode_collect_state(std::string_view bytes);
atl::result<cluster_info> decode_cluster_info(std::string_view bytes);

/// The largest that `files.chunk_size` may be.
inline constexpr std::uint64_t chunk_bytes_max = 64 << 20;
/// Chunks at most in one `allocate_request`.
inline constexpr std::uint32_t chunks_per_request_max = 64;
/// Findings or removals at most in one message.
inline constexpr std::size_t fragments_max = 2000;
/// Disks that a storage node may have.
inline constexpr std::size_t disks_max = 64;
/// Storage nodes a cluster may have.
inline constexpr std::size_t storages_max = 4096;

} // namespace dfs::protocol
