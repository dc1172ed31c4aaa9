#include "namespace/content.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::status;

namespace {

/// Whether a chunk may be referred to that nothing refers to yet.
status check_new_chunk(state_transaction& state, const chunk_record& chunk) {
  auto refuse = [&](std::string_view why) {
    return fail(errc::refused, fmt::format("chunk {} {}", to_string(chunk.id), why));
  };
  if (chunk.id.made_us < state.meta().gc_watermark_us)
    return fail(errc::refused,
                fmt::format("the upload took too long or its chunks were collected (chunk {}): put "
                            "the file again",
                            to_string(chunk.id)));
  auto policy = state.find_policy(chunk.policy);
  if (!policy)
    return refuse(
        fmt::format("is said to be stored by policy {}, which doesn't exist", chunk.policy));
  if (chunk.nodes.size() != policy->fragments)
    return refuse(fmt::format("has {} fragments, and policy {} ('{}') makes {}", chunk.nodes.size(),
                              chunk.policy, policy->recovery, policy->fragments));
  auto missing = static_cast<std::size_t>(std::ranges::count(chunk.nodes, no_storage));
  if (chunk.nodes.size() - missing < policy->fragments_min)
    return refuse(fmt::format("has only {} of its {} fragments, and policy {} ('{}') demands {}",
                              chunk.nodes.size() - missing, chunk.nodes.size(), chunk.policy,
                              policy->recovery, policy->fragments_min));
  for (auto node : chunk.nodes)
    if (node != no_storage && !state.may_hold_fragments(node))
      return refuse(fmt::format("is said to be on storage node {}, which isn't registered, or "
                                "counts as lost: put the file again",
                                node));
  return {};
}

/// Whether the chunk that is known by this id is the same one.
status check_same_chunk(const chunk_record& chunk, const stored_chunk& stored) {
  if (stored.size_bytes != chunk.size_bytes || stored.nodes.size() != chunk.nodes.size() ||
      stored.policy != chunk.policy)
    return fail(errc::refused,
                fmt::format("chunk {} is known with another size, policy or number of fragments: "
                            "its name was given twice",
                            to_string(chunk.id)));
  if (stored.crc != chunk.crc)
    return fail(errc::refused,
                fmt::format("chunk {} is known with the checksum {:08x}, not {:08x}: its name was "
                            "given twice, or its data was damaged on the way; put the file again",
                            to_string(chunk.id), stored.crc, chunk.crc));
  return {};
}

status check_chunk(state_transaction& state, const chunk_record& chunk) {
  auto invalid = [&](std::string_view why) {
    return fail(errc::invalid, fmt::format("chunk {} {}", to_string(chunk.id), why));
  };
  if (chunk.id == chunk_id{})
    return invalid("is no chunk: the name that is all zero is never given");
  if (chunk.size_bytes == 0 || chunk.size_bytes > limits::chunk_bytes_max)
    return invalid(fmt::format("has {} bytes, only 1 to {} are possible", chunk.size_bytes,
                               limits::chunk_bytes_max));
  if (chunk.nodes.empty() || chunk.nodes.size() > limits::fragments_per_chunk_max)
    return invalid(fmt::format("has {} fragments, only 1 to {} are possible", chunk.nodes.size(),
                               limits::fragments_per_chunk_max));
  if (auto stored = state.find_chunk(chunk.id))
    return check_same_chunk(chunk, *stored);
  return check_new_chunk(state, chunk);
}

using seen_chunks = std::unordered_map<chunk_id, const chunk_record*>;

status check_part(state_transaction& state, const chunk_part& part, std::uint64_t length_bytes,
                  seen_chunks& seen) {
  const auto& chunk = part.chunk;
  auto [other, is_first] = seen.emplace(chunk.id, &chunk);
  if (is_first)
    if (auto ok = check_chunk(state, chunk); !ok)
      return ok;
  if (!is_first && *other->second != chunk)
    return fail(errc::invalid,
                fmt::format("the content describes chunk {} in two ways", to_string(chunk.id)));
  if (part.offset_bytes > chunk.size_bytes || length_bytes > chunk.size_bytes - part.offset_bytes)
    return fail(errc::invalid,
                fmt::format("chunk {} has {} bytes, of which {} from offset {} on can't be used",
                            to_string(chunk.id), chunk.size_bytes, length_bytes,
                            part.offset_bytes));
  return {};
}

} // namespace

atl::result<std::uint64_t> check_pieces(state_transaction& state, const std::vector<piece>& pieces,
                                        std::uint64_t base, std::uint64_t inline_room) {
  if (pieces.size() > limits::pieces_per_command_max)
    return fail(errc::invalid, fmt::format("the content has {} pieces, at most {} are possible in "
                                           "one command",
                                           pieces.size(), limits::pieces_per_command_max));
  seen_chunks seen;
  auto end = base;
  std::uint64_t inline_bytes = 0;
  for (const auto& part : pieces) {
    if (part.length_bytes == 0 || part.offset_bytes > limits::file_bytes_max ||
        part.length_bytes > limits::file_bytes_max ||
        base > limits::file_bytes_max - part.offset_bytes ||
        base + part.offset_bytes > limits::file_bytes_max - part.length_bytes)
      return fail(errc::invalid,
                  fmt::format("a piece of {} bytes at offset {} is empty, or beyond the largest "
                              "file of {} bytes",
                              part.length_bytes, part.offset_bytes, limits::file_bytes_max));
    if (base + part.offset_bytes < end)
      return fail(errc::invalid,
                  fmt::format("the piece at offset {} begins before the one before it ends",
                              part.offset_bytes));
    end = base + part.offset_bytes + part.length_bytes;
    if (auto* bytes = std::get_if<std::string>(&part.content)) {
      if (bytes->size() != part.length_bytes)
        return fail(errc::invalid, fmt::format("a piece of {} bytes comes with {}",
                                               part.length_bytes, bytes->size()));
      inline_bytes += bytes->size();
    } else if (auto* stored = std::get_if<chunk_part>(&part.content)) {
      if (auto ok = check_part(state, *stored, part.length_bytes, seen); !ok)
        return tl::unexpected{ok.error()};
    }
  }
  if (inline_bytes > inline_room)
    return fail(errc::refused, fmt::format("{} bytes are too many for the name space, which takes "
                                           "{} here: store them in chunks",
                                           inline_bytes, inline_room));
  return end;
}

} // namespace dfs::state
