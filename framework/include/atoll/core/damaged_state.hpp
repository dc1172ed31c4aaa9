#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/group_folder.hpp>

#include <string>
#include <string_view>

/// A replica's copy of the state that turned out to be damaged while its log is intact. That is
/// written down before the copy is moved aside, so that a crash at any moment is followed by a
/// start that rebuilds the state, and never by one from an empty state.
namespace atl {

/// Writes down that the state is damaged. Durable when it returns. Thread-safe, and repeatable: the
/// first reason stays.
status note_damage(const group_folder& at, std::string_view why);

/// Why the state is to be rebuilt; empty: it isn't.
std::string noted_damage(const group_folder& at);

/// Moves the damaged state aside, or removes what an earlier attempt to rebuild it left. Durable
/// when it returns. @pre `noted_damage` is not empty
status put_damaged_state_aside(const group_folder& at);

/// Forgets the damage: the state was rebuilt. Removes the damaged one.
status forget_damage(const group_folder& at);

} // namespace atl
