#pragma once

#include "common/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The values of the database. `decode` says whether the bytes are such a value; malformed bytes
/// mean damage, because this program wrote the values.
namespace dfs::state {

/// The version of all rows; a database of another version is refused.
inline constexpr std::uint32_t rows_version = 4;

/// Counters of the state, in one record.
struct meta {
  storage_id storages = 0; ///< the highest id given so far
  inode_id next_inode = root_inode + 1;
  std::uint64_t files = 0;
  std::uint64_t directories = 1;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t orphans = 0; ///< length of the queue of orphans to reclaim
  std::uint64_t gc_watermark_us = 0;
};

struct dirent {
  inode_id id = 0;
  inode_type type = inode_type::file;
};

struct inode {
  inode_type type = inode_type::file;
  std::uint64_t size_bytes = 0;
  std::int64_t mtime_us = 0; ///< since 1970; negative: before it
  std::uint64_t version = 0;
  std::uint64_t entries = 0; ///< of a directory
  std::uint32_t extents = 0; ///< of a file; 0: its content is inline
};

struct extent {
  chunk_id chunk;
  std::uint64_t length_bytes = 0;
};

struct stored_chunk {
  std::uint64_t size_bytes = 0;
  std::uint64_t references = 0;
  std::vector<storage_id> nodes;
  std::uint32_t crc = 0; ///< as in `chunk_record`
};

struct storage_record {
  std::string name;
  std::string uuid;
  bool retired = false; ///< its disk was declared lost, and another node has its name
};

std::string encode(const meta& value);
std::string encode(const dirent& value);
std::string encode(const inode& value);
std::string encode(const extent& value);
std::string encode(const stored_chunk& value);
std::string encode(const storage_record& value);
std::string encode_storage_id(storage_id id);

bool decode(std::string_view bytes, meta& value);
bool decode(std::string_view bytes, dirent& value);
bool decode(std::string_view bytes, inode& value);
bool decode(std::string_view bytes, extent& value);
bool decode(std::string_view bytes, stored_chunk& value);
bool decode(std::string_view bytes, storage_record& value);
bool decode(std::string_view bytes, storage_id& id);

} // namespace dfs::state
