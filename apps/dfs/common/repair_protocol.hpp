#pragma once

#include "common/chunk_id.hpp"
#include "common/durability.hpp"
#include "common/policy.hpp"
#include "common/types.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/spi/codec.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The work that a leading master gives a storage node to keep data alive, and what the node says
/// about it. Tasks travel in `storage_commands` and results in `storage_heartbeat`, both between
/// the node and the master that gave the orders. Ids are the master's, and unique within its term.
namespace dfs::protocol {

/// Tasks, or results, at most in one message.
inline constexpr std::size_t tasks_max = 256;
/// Nodes that one task may name to read from.
inline constexpr std::size_t task_sources_max = 64;
/// Fragments at most in one `fragment_slice`.
inline constexpr std::size_t slice_fragments_max = 2000;
inline constexpr std::size_t result_text_bytes_max = 512;
inline constexpr std::size_t finding_bytes_max = 200;

enum class task_kind : std::uint8_t {
  copy,    ///< take `fragment` from the first source that has it in order
  rebuild, ///< make `fragment` from other fragments, by the scheme of the chunk
  verify,  ///< read `fragment` here, and compare it with its checksums
};
inline constexpr task_kind task_kind_last = task_kind::verify;

/// A node that has a fragment of the chunk.
struct task_source {
  std::uint32_t fragment = 0; ///< what it has
  atl::endpoint bulk;
  storage_id node = no_storage;

  friend bool operator==(const task_source&, const task_source&) = default;
};

/// An order to a storage node to put one of its own fragments in order.
struct repair_task {
  std::uint64_t id = 0;
  task_kind kind = task_kind::copy;
  chunk_id chunk;
  std::uint32_t fragment = 0;
  std::uint64_t fragment_bytes = 0; ///< a source with another length is no source
  /// To read from, the best first. Of a `copy` those that have the same bytes; of a `rebuild` those
  /// with further fragments, of which not all need be read. None for `verify`.
  std::vector<task_source> sources;
  policy_id policy = no_policy; ///< of the chunk
  durability how = durability::fsync;
  std::uint64_t chunk_bytes = 0; ///< of the chunk's data, before encoding
  /// Of the chunk's record. What a `rebuild` decodes, or a `copy` takes, has it or isn't stored.
  std::uint32_t chunk_crc = 0;
  /// What `policy` is, for `rebuild`, and for `copy` if each fragment is the whole chunk.
  std::optional<dfs::policy> scheme{};

  friend bool operator==(const repair_task&, const repair_task&) = default;
};

enum class task_outcome : std::uint8_t {
  ok,            ///< the fragment is here and in order, or was removed as ordered
  not_found,     ///< to be verified or removed, and not here, or not the copy that the order names
  corrupt,       ///< to be verified, and damaged: moved aside. To be made: a source is damaged
  no_space,      ///< the disk is full
  source_failed, ///< no source could be reached and had its fragment
  failed,        ///< the disk, or the scheme, failed
  refused,       ///< not carried out: an order of an older term, or too many wait
};
inline constexpr task_outcome task_outcome_last = task_outcome::refused;

/// How a task, or a removal with an id, has ended.
struct task_result {
  std::uint64_t id = 0;
  std::uint64_t term = 0; ///< of the order
  task_outcome outcome = task_outcome::ok;
  std::uint64_t generation = 0; ///< of the fragment that is in order here; 0: there is none
  /// The first source that could not give its fragment; set also if another source could.
  storage_id failed_source = no_storage;
  std::string why; ///< ≤ result_text_bytes_max; empty: nothing went wrong

  friend bool operator==(const task_result&, const task_result&) = default;
};

/// An order to say which fragments the node has, from this one on.
struct slice_request {
  std::uint64_t id = 0;
  chunk_id from_chunk;
  std::uint32_t from_fragment = 0;

  friend bool operator==(const slice_request&, const slice_request&) = default;
};

struct held_fragment {
  chunk_id chunk;
  std::uint32_t fragment = 0;
  std::uint64_t generation = 0;

  friend auto operator<=>(const held_fragment&, const held_fragment&) = default;
};

/// All fragments that the node has from the requested one up to the last of `held`, or, if `last`
/// is set, up to the end, in the order of chunk and index.
struct fragment_slice {
  std::uint64_t id = 0;   ///< of the request
  std::uint64_t term = 0; ///< of the request
  chunk_id from_chunk;
  std::uint32_t from_fragment = 0;
  std::vector<held_fragment> held;
  bool last = false; ///< the node has nothing after these

  friend bool operator==(const fragment_slice&, const fragment_slice&) = default;
};

/// How far a storage node is in reading everything that it has again.
struct scrub_status {
  std::uint64_t began_us = 0; ///< since 1970, of the pass under way or the last one; 0: none yet
  std::uint64_t ended_us = 0; ///< of the last complete pass; 0: none yet
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0; ///< of the pass: stored here when it began
  std::uint64_t damaged = 0;     ///< fragments that the pass found damaged or missing
  std::string last_finding;      ///< ≤ finding_bytes_max

  friend bool operator==(const scrub_status&, const scrub_status&) = default;
};

/// Encoders leave out what is above the limits of texts; decoders fail on anything above a limit.
void write(atl::spi::writer& out, const repair_task& task);
void read(atl::spi::reader& in, repair_task& task);
void write(atl::spi::writer& out, const task_result& result);
void read(atl::spi::reader& in, task_result& result);
void write(atl::spi::writer& out, const slice_request& request);
void read(atl::spi::reader& in, slice_request& request);
void write(atl::spi::writer& out, const fragment_slice& slice);
void read(atl::spi::reader& in, fragment_slice& slice);
void write(atl::spi::writer& out, const scrub_status& status);
void read(atl::spi::reader& in, scrub_status& status);

} // namespace dfs::protocol
