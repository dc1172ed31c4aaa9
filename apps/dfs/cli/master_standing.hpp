#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>

/// The relation of each master to the group. A master's own view is not enough: a master that was
/// removed or is turned away may still consider itself a follower.
namespace dfs::cli {

inline constexpr const char* not_a_member = "no member";

/// The best view: the leader's, of several leaders the one with the latest term; without a leader,
/// the view of the master with the longest known log. @param views by the masters' names
/// @returns null when there is none.
const nlohmann::json* best_view(const std::map<std::string, nlohmann::json>& views);

/// Completes `status`, the best view, by what each master says of itself: `masters[]` gets `member`
/// ("voter", "learner", "no member", "unknown"), `health` ("up", "waiting", "turned away", "down"),
/// `why`, `differs` (the differences of its file), `consensus` (its plugin), and its role and
/// progress.
void add_standing(nlohmann::json& status, const std::map<std::string, nlohmann::json>& views);

/// Is it a member that answers, but follows no leader or another one than the leading master?
bool is_astray(const nlohmann::json& master, const nlohmann::json& status);

// Of one of `masters[]`, for people:

/// "master-2's file differs: placement is …, here …"; empty when it doesn't.
std::string describe_differences(const nlohmann::json& master);
/// "follower, entry 12"; "no member".
std::string describe_role(const nlohmann::json& master);

} // namespace dfs::cli
