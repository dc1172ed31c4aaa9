#pragma once

#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How the leading master and the storage nodes store chunks by another policy. A storage node that
/// was told that there is work (`storage_commands::has_conversions`) asks for it, reads a chunk as
/// every client does, stores its bytes by the other policy, and says how that ended when it asks
/// for more. Ids are the master's, and unique within its term.
namespace dfs::protocol {

/// Chunks that one answer gives out, and results in one request.
inline constexpr std::size_t conversions_at_once_max = 16;
/// Chunks that one is stored as, when the other policy has smaller ones.
inline constexpr std::size_t converted_parts_max = 1024;
/// Conversions that are listed.
inline constexpr std::size_t conversions_listed_max = 1000;
inline constexpr std::size_t conversion_text_bytes_max = 512;

/// An order to store a chunk's bytes by another policy.
struct conversion_order {
  std::uint64_t id = 0;
  std::uint64_t term = 0;
  chunk_record chunk;
  policy_id policy = no_policy;

  friend bool operator==(const conversion_order&, const conversion_order&) = default;
};

enum class conversion_outcome : std::uint8_t {
  stored, ///< by the other policy, completely
  gone,   ///< no file refers to the chunk any more
  failed, ///< it couldn't be read, or not be stored
};
inline constexpr conversion_outcome conversion_outcome_last = conversion_outcome::failed;

struct conversion_result {
  std::uint64_t id = 0;
  std::uint64_t term = 0; ///< of the order
  conversion_outcome outcome = conversion_outcome::failed;
  std::vector<chunk_record> stored; ///< in order, together as large as the chunk
  std::string why;                  ///< ≤ conversion_text_bytes_max; of a failure

  friend bool operator==(const conversion_result&, const conversion_result&) = default;
};

/// From a storage node to the leading master.
struct conversion_request {
  std::string node;                    ///< its name
  std::vector<conversion_result> done; ///< ≤ conversions_at_once_max
  std::uint32_t free = 0;              ///< orders that the node takes now

  friend bool operator==(const conversion_request&, const conversion_request&) = default;
};

struct conversion_response {
  std::vector<conversion_order> orders; ///< ≤ conversions_at_once_max
  std::uint32_t wait_ms = 0;            ///< until the node asks again, if it got no order
  bool is_over = false;                 ///< nothing is to be converted: the node need not ask again

  friend bool operator==(const conversion_response&, const conversion_response&) = default;
};

/// A conversion under way, as the leading master sees it.
struct conversion_view {
  inode_id inode = 0;         ///< of the file or directory
  place where;                ///< how it was named
  std::uint64_t begun_us = 0; ///< since 1970
  std::uint64_t chunks = 0;   ///< converted, since this master leads
  std::uint64_t bytes = 0;    ///< likewise
  std::uint64_t chunks_left = 0;
  std::uint64_t bytes_left = 0;
  bool is_counted = false;    ///< what is left has been counted to the end
  std::uint64_t failures = 0; ///< attempts that failed, since this master leads
  std::string problem;        ///< ≤ conversion_text_bytes_max; why the last attempt failed

  friend bool operator==(const conversion_view&, const conversion_view&) = default;
};

/// The answer to an empty request: all conversions under way.
struct conversion_list {
  std::vector<conversion_view> conversions; ///< ≤ conversions_listed_max
  std::uint64_t rate = 0;                   ///< bytes a second; 0: any number
};

std::string encode(const conversion_request& message);
std::string encode(const conversion_response& message);
std::string encode(const conversion_list& message);

/// Decoders of bytes that may be hostile: `errc::corrupt` for anything malformed.
atl::result<conversion_request> decode_conversion_request(std::string_view bytes);
atl::result<conversion_response> decode_conversion_response(std::string_view bytes);
atl::result<conversion_list> decode_conversion_list(std::string_view bytes);

} // namespace dfs::protocol
