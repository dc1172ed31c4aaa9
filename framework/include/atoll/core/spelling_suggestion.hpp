#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace atl {

/// How many characters must be inserted, removed, replaced or swapped with their neighbour to get
/// from one text to the other (the optimal string alignment distance). Texts are cut at 64
/// characters, so that hostile text can't make it slow.
std::size_t edit_distance(std::string_view from, std::string_view to);

/// The known name that `wanted` is probably a misspelling of: the first name at the smallest
/// distance, if no more than a third of its characters are wrong.
std::optional<std::string> spelling_suggestion(std::string_view wanted,
                                               std::span<const std::string> known);

/// `; did you mean 'heartbeat'?`, or nothing when no known name is similar. To be appended to a
/// message.
std::string did_you_mean(std::string_view wanted, std::span<const std::string> known);

} // namespace atl
