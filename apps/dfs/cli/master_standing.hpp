#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>

/// How each master stands to the group. A master's own word is not enough: one that was removed, or
/// is turned away by the others, may still take itself for a follower.
namespace dfs::cli {

inline constexpr const char* not_a_member = "no member";

/// The view that tells most: the leader's, of several the one in the latest term; without a leader
/// that of the master that knows most of the log. @param views by the masters' names
/// @returns null when there is none.
const nlohmann::json* best_view(const std::map<std::string, nlohmann::json>& views);

/// Completes `status`, the best view, by what each master says of itself: `masters[]` gets `member`
/// ("voter", "learner", "no member", "unknown"), `health` ("up", "waiting", "turned away", "down"),
/// `why`, `differs` (what stands otherwise in its file), and its role and progress.
void add_standing(nlohmann::json& status, const std::map<std::string, nlohmann::json>& views);

/// Is it a member that answers, and follows another master than the one that leads, or none?
bool is_astray(const nlohmann::json& master, const nlohmann::json& status);

// Of one of `masters[]`, for people:

/// "master-2's file differs: placement is …, here …"; empty when it doesn't.
std::string describe_differences(const nlohmann::json& master);
/// "follower, entry 12"; "no member".
std::string describe_role(const nlohmann::json& master);

} // namespace dfs::cli
