#pragma once

#include "common/types.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/state/answer.hpp>
#include <atoll/spi/codec.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// The responses of the name space to successful requests. `tag` identifies the type on the wire.
namespace responses {

/// The response to a command that changed a path.
struct changed {
  static constexpr std::uint8_t tag = 1;
  inode_id inode = 0; ///< the inode at the path; for `remove`: the removed inode
  std::uint64_t version = 0;

  friend bool operator==(const changed&, const changed&) = default;
};

struct registered {
  static constexpr std::uint8_t tag = 2;
  storage_id id = no_storage;

  friend bool operator==(const registered&, const registered&) = default;
};

struct garbage_collected {
  static constexpr std::uint8_t tag = 3;
  std::uint64_t gc_watermark_us = 0;  ///< the present watermark
  std::uint32_t reclaimed_inodes = 0; ///< by this command
  std::uint32_t expired_sessions = 0; ///< by this command
  std::uint64_t pending_removals = 0; ///< trees and large files still to be reclaimed

  friend bool operator==(const garbage_collected&, const garbage_collected&) = default;
};

/// A file or directory.
struct entry {
  static constexpr std::uint8_t tag = 4;
  std::string name; ///< empty for the root
  inode_id inode = 0;
  inode_type type = inode_type::file;
  std::uint64_t size_bytes = 0; ///< 0 for a directory
  std::int64_t mtime_us = 0;    ///< since 1970; negative: before it
  std::uint64_t version = 0;    ///< log index of the last change; to the entries, for a directory
  std::uint64_t entries = 0;    ///< 0 for a file

  friend bool operator==(const entry&, const entry&) = default;
};

struct listing {
  static constexpr std::uint8_t tag = 5;
  std::vector<entry> entries; ///< in order of the names' bytes
  bool more = false;          ///< ask again, after the last name

  friend bool operator==(const listing&, const listing&) = default;
};

/// A file's content, or the extents from `first_extent` on. A file never changes: new content gets
/// a new inode.
struct opened {
  static constexpr std::uint8_t tag = 6;
  inode_id inode = 0;
  std::uint64_t version = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t mtime_us = 0;       ///< since 1970; negative: before it
  std::uint32_t extents_total = 0; ///< 0: the content is `inline_bytes`
  std::uint32_t first_extent = 0;
  std::string inline_bytes;
  std::vector<placed_extent> extents;
  bool more = false; ///< ask again, from `first_extent + extents.size()`

  friend bool operator==(const opened&, const opened&) = default;
};

struct storage_node {
  storage_id id = no_storage;
  std::string name;
  std::string uuid;

  friend bool operator==(const storage_node&, const storage_node&) = default;
};

/// The counts include inodes that are still to be reclaimed (`pending_removals`).
struct summary {
  static constexpr std::uint8_t tag = 7;
  std::string cluster_id;
  std::uint64_t applied = 0;
  std::uint64_t gc_watermark_us = 0;
  std::uint64_t latest_us = 0; ///< the state's time: the latest of all commands' times
  std::uint64_t files = 0;
  std::uint64_t directories = 0; ///< with the root
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0; ///< of the files' sizes
  std::uint64_t sessions = 0;
  std::uint64_t pending_removals = 0; ///< trees and big files
  std::vector<storage_node> storages; ///< in order of the ids
  bool more = false;                  ///< of the storages: ask again, after the last id

  friend bool operator==(const summary&, const summary&) = default;
};

struct chunk_page {
  static constexpr std::uint8_t tag = 8;
  std::vector<chunk_record> chunks; ///< in order of the ids
  bool more = false;                ///< ask again, after the last id

  friend bool operator==(const chunk_page&, const chunk_page&) = default;
};

struct known_chunks {
  static constexpr std::uint8_t tag = 9;
  /// The number of requested ids, from the first, that this response covers; query again for the
  /// rest.
  std::uint32_t examined = 0;
  std::vector<chunk_record> chunks; ///< the referenced chunks, in the order of the query

  friend bool operator==(const known_chunks&, const known_chunks&) = default;
};

void write(atl::spi::writer& out, const changed& answer);
void write(atl::spi::writer& out, const registered& answer);
void write(atl::spi::writer& out, const garbage_collected& answer);
void write(atl::spi::writer& out, const entry& answer);
void write(atl::spi::writer& out, const listing& answer);
void write(atl::spi::writer& out, const opened& answer);
void write(atl::spi::writer& out, const summary& answer);
void write(atl::spi::writer& out, const chunk_page& answer);
void write(atl::spi::writer& out, const known_chunks& answer);
void read(atl::spi::reader& in, changed& answer);
void read(atl::spi::reader& in, registered& answer);
void read(atl::spi::reader& in, garbage_collected& answer);
void read(atl::spi::reader& in, entry& answer);
void read(atl::spi::reader& in, listing& answer);
void read(atl::spi::reader& in, opened& answer);
void read(atl::spi::reader& in, summary& answer);
void read(atl::spi::reader& in, chunk_page& answer);
void read(atl::spi::reader& in, known_chunks& answer);

} // namespace responses

inline std::string encode_response(const atl::error& error) {
  return atl::encode_answer(error);
}

template <class Answer>
std::string encode_response(const Answer& answer) {
  atl::spi::writer out;
  atl::begin_answer(out, Answer::tag);
  responses::write(out, answer);
  return out.take();
}

template <class Answer>
std::string encode_response(const atl::result<Answer>& answer) {
  return answer ? encode_response(*answer) : encode_response(answer.error());
}

/// Decodes a response from bytes that may be hostile:
/// `decode_response<commands::mkdir::response>(…)`.
/// @returns the error in the response; `errc::corrupt` for bytes that are no such response.
template <class Answer>
atl::result<Answer> decode_response(std::string_view bytes) {
  atl::spi::reader in{bytes};
  if (auto head = atl::read_answer_head(in, Answer::tag); !head)
    return tl::unexpected{head.error()};
  Answer answer;
  responses::read(in, answer);
  if (!in.done())
    return tl::unexpected{atl::malformed_answer()};
  return answer;
}

} // namespace dfs
