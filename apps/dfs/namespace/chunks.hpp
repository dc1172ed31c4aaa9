#pragma once

#include "namespace/state_transaction.hpp"

#include <cstdint>
#include <optional>

/// The records of chunks, and the indexes over them.
namespace dfs::state {

chunk_record record_of(const chunk_id& id, const stored_chunk& stored);

/// The `spare` of `keys::incomplete`; none for a chunk that lacks no fragment.
std::optional<std::uint8_t> spare_of(const stored_chunk& chunk, const policy& of);

/// An extent refers to `length_bytes` more of the chunk. The first reference makes the record.
void add_reference(state_transaction& state, const chunk_record& chunk, std::uint64_t length_bytes);

/// Changes the number of extents of a known chunk, and the bytes that they refer to. Without
/// extents the record is removed.
void change_references(state_transaction& state, const chunk_id& id, std::int64_t references,
                       std::int64_t live_bytes);

/// Records where a fragment is. @param to `no_storage`: nowhere
void move_fragment(state_transaction& state, const chunk_id& id, stored_chunk& stored,
                   std::uint32_t fragment, storage_id to);

} // namespace dfs::state
