#pragma once

#include "bulk/async_connection.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace dfs {

/// A client's connection to the bulk port of one storage node. Connects at its first use, keeps the
/// TCP connection over many requests, and reconnects after an error. Every call returns: after a
/// success, an error of the node, or no progress for as long as the options say (errc::timeout).
/// Further errors of every call: unavailable (no connection, or it broke), busy, refused (another
/// cluster, or the token doesn't permit the request).
///
/// For threads that block; coroutines use `async_bulk_connection`, of which this is a shell. Not
/// thread-safe, but one thread after another may use it. A coroutine must not call it.
class bulk_connection {
 public:
  bulk_connection(atl::endpoint node, bulk_options options);
  bulk_connection(const bulk_connection&) = delete;
  bulk_connection& operator=(const bulk_connection&) = delete;

  const atl::endpoint& node() const { return over_.node(); }

  /// Reads bytes from `offset` on and checks each block against its checksum as it arrives.
  /// @returns their number, which is below `into.size()` only at the fragment's end. After an error
  /// the content of `into` is unspecified. Errors: not_found; corrupt: the fragment is damaged and
  /// should be reported (`report_damage`).
  atl::result<std::size_t> read_fragment(const fragment_key& key, std::uint64_t offset,
                                         std::span<std::byte> into);

  /// Reads a fragment whose expected length is that of `into`. @returns the fragment's length;
  /// `into` holds the fragment only if both are equal. Errors as of `read_fragment`.
  atl::result<std::uint64_t> read_whole_fragment(const fragment_key& key,
                                                 std::span<std::byte> into);

  /// Stores the same bytes (≤ fragment_bytes_max) on all targets, in a pipeline that begins with
  /// this node, the first target. @returns the outcome of each target, in their order. An error
  /// means that the first node is unavailable or refused; the outcome of the others is unknown, and
  /// a retry is safe.
  /// @param await_go send no data until the node has room for it; for a node that was busy before
  atl::result<std::vector<target_result>> write_chunk(std::span<const write_target> targets,
                                                      const chunk_id& chunk, std::string_view data,
                                                      durability how, bool await_go = false);

  /// Reports to the node that its copy seems damaged. The node checks the copy. @returns true if
  /// the copy is intact, false if it was damaged and has been moved aside. Errors: not_found.
  atl::result<bool> report_damage(const fragment_key& key);

  /// As `async_bulk_connection::check_fragment`.
  atl::result<fragment_condition> check_fragment(const fragment_key& key,
                                                 std::optional<std::uint32_t> content_crc = {});

  /// Has the node fetch a fragment from another node, check it and store it durably. Errors:
  /// not_found, corrupt (at the source), no_space, io.
  atl::status copy_fragment(const fragment_key& key, const atl::endpoint& source,
                            std::uint32_t source_fragment);

  /// Asks how busy the node is.
  atl::result<node_load> probe();

 private:
  async_bulk_connection over_;
};

/// Stores a chunk over a new connection; see bulk_connection::write_chunk.
atl::result<std::vector<target_result>> write_chunk(std::span<const write_target> targets,
                                                    const chunk_id& chunk, std::string_view data,
                                                    durability how, const bulk_options& options,
                                                    bool await_go = false);

} // namespace dfs
