#pragma once

#include "common/types.hpp"
#include "namespace/state_transaction.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The content of files: extents in the order of their ends.
namespace dfs::state {

/// May the pieces be part of a file? They must be in order, without overlaps, and of chunks that
/// can be referred to.
/// @param base the offset that the pieces' offsets count from
/// @param inline_room bytes that may be stored in the name space itself
/// @returns the end of the last piece; `base` if there is none
atl::result<std::uint64_t> check_pieces(state_transaction& state, const std::vector<piece>& pieces,
                                        std::uint64_t base, std::uint64_t inline_room);

/// Puts pieces over what is there. The pieces were checked.
/// @param is_new there is nothing: no row is read
void put_pieces(state_transaction& state, inode_id id, inode& file,
                const std::vector<piece>& pieces, std::uint64_t base, bool is_new);
/// Makes a hole of a range.
void clear_range(state_transaction& state, inode_id id, inode& file, std::uint64_t begin,
                 std::uint64_t end);

/// Removes up to `limit` extents from the key `from` on, and leaves the inode's row alone.
/// @returns their number, and sets `from` to the key after the last.
std::uint32_t drop_extents(state_transaction& state, inode_id id, std::string& from,
                           std::size_t limit);

/// The extents of a range as pieces, cut to the range, with offsets that count from its begin.
/// Errors: refused if there are more than one command may have.
atl::result<std::vector<piece>> pieces_of(state_transaction& state, inode_id id,
                                          std::uint64_t begin, std::uint64_t end);

} // namespace dfs::state
