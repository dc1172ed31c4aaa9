#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/group_birth.hpp>
#include <atoll/core/state/session_command.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The members of a service's group: which data folder each replica id stands for. Every
/// `replicated_state` keeps them beside the application's rows, from the founders on. An id belongs
/// to one folder for good, because the replica with that folder may have made promises under it; a
/// member that lost its folder gets another id.
namespace atl {

/// Types of commands from here on are the framework's, and so are queries whose first byte is this
/// or above.
inline constexpr std::uint8_t framework_types_begin = 0xf0;

/// The body is an encoded `member_identity`: gives its folder an id. Id 0 asks for the next free
/// one; another id is refused if it stands for another folder. A folder that has an id keeps that.
/// `decode_admission` reads the answer. Applied on a full disk as well.
inline constexpr std::uint8_t admit_member_type = framework_types_begin;

/// Bound of the members of all times, because no id is given twice.
inline constexpr std::size_t admitted_members_max = 128;
/// Bound of a member's name, address and folder, each.
inline constexpr std::size_t member_text_bytes_max = 256;

/// @returns the id that the folder has, or the error in the answer; reads hostile bytes
result<spi::replica_id> decode_admission(std::string_view answer);

/// A query for all members that were ever admitted.
std::string members_query();
/// Reads the answer to `members_query`, from bytes that may be hostile. @returns the members by
/// their ids, or the error in the answer
result<std::vector<member_identity>> decode_members(std::string_view answer);

} // namespace atl
