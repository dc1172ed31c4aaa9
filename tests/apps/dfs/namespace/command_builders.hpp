#pragma once

#include "namespace/command.hpp"
#include "namespace/path.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

/// Short ways to write commands, and to read answers.
namespace names {

using namespace dfs;
using atl::errc;

/// The place that a client calls by this absolute path.
inline place at(std::string_view path) {
  auto where = place_of(path);
  REQUIRE_MESSAGE(where.has_value(), where.error().message);
  return *where;
}

/// A place relative to an inode; without a path the inode itself.
inline place in(inode_id at, std::string path = {}) {
  return {at, std::move(path)};
}

/// The policy of the tests: two fragments, of which one may be missing.
inline policy two_copies() {
  policy made;
  made.recovery = "replicate";
  made.encoding = "copies/1";
  made.placement = "random";
  made.fragments = 2;
  made.fragments_min = 1;
  made.survives_losses = 1;
  made.storage_cost = 200;
  made.inline_bytes_max = 48u << 10;
  return made;
}

inline std::vector<piece> text_pieces(std::string text) {
  if (text.empty())
    return {};
  auto length = text.size();
  return {{0, length, std::move(text)}};
}

/// Whole chunks, one after the other.
inline std::vector<piece> chunk_pieces(const std::vector<chunk_record>& chunks) {
  std::vector<piece> pieces;
  std::uint64_t offset = 0;
  for (const auto& chunk : chunks) {
    pieces.push_back({offset, chunk.size_bytes, chunk_part{chunk, 0}});
    offset += chunk.size_bytes;
  }
  return pieces;
}

inline commands::make new_directory(place where, bool parents = false) {
  commands::make made;
  made.where = std::move(where);
  made.inode.type = inode_type::directory;
  made.inode.mode = 0755;
  made.existing = parents ? commands::make::if_exists::keep : commands::make::if_exists::refuse;
  made.parents = parents;
  return made;
}

inline commands::make
new_file(place where, std::vector<piece> content = {},
         commands::make::if_exists existing = commands::make::if_exists::replace,
         bool parents = true) {
  commands::make made;
  made.where = std::move(where);
  made.existing = existing;
  made.parents = parents;
  made.content = std::move(content);
  return made;
}

inline commands::make new_symlink(place where, std::string target) {
  commands::make made;
  made.where = std::move(where);
  made.inode.type = inode_type::symlink;
  made.inode.mode = 0777;
  made.content = text_pieces(std::move(target));
  return made;
}

/// The bytes of a page of a file that has no parts of chunks; holes are NUL.
inline std::string text_of(const responses::opened& opened) {
  std::string text(opened.attributes.size_bytes, '\0');
  for (const auto& part : opened.pieces)
    text.replace(part.offset_bytes, part.length_bytes, std::get<std::string>(part.content));
  return text;
}

inline std::vector<chunk_record> chunks_of(const responses::opened& opened) {
  std::vector<chunk_record> chunks;
  for (const auto& part : opened.pieces)
    if (auto* stored = std::get_if<chunk_part>(&part.content))
      chunks.push_back(stored->chunk);
  return chunks;
}

} // namespace names
