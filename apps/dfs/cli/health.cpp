#include "cli/health.hpp"

#include "cli/master_standing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace dfs::cli {

namespace {

using nlohmann::json;
using reasons = std::vector<std::string>;

constexpr std::string_view state_names[] = {"healthy", "degraded", "unavailable"};
constexpr std::string_view refused_prefix = "writes are refused: ";

std::string text_of(const json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

bool is_member(const json& master) {
  return master["member"] != not_a_member;
}

// -- why writes are refused -------------------------------------------------------------------

std::string count_voters(const json& status) {
  std::size_t voters = 0;
  std::size_t up = 0;
  for (auto& master : status["masters"]) {
    if (master["member"] != "voter")
      continue;
    ++voters;
    up += master["health"] == "up" ? 1 : 0;
  }
  return voters == 0 ? "" : fmt::format(" ({} of {} voting masters answer)", up, voters);
}

std::string leader_name(const json& status) {
  for (auto& master : status["masters"])
    if (master["leader"] == true)
      return master["name"].get<std::string>();
  return "the leading master";
}

/// @returns the reason; empty: writes are accepted.
std::string why_writes_are_refused(const json& status) {
  auto& seen = status["seen_by"];
  auto leads = seen["role"] == "leader";
  if (auto blocked = text_of(seen, "blocked"); !blocked.empty())
    return blocked + (leads ? "" : count_voters(status));
  if (!leads)
    return fmt::format("{} leads and doesn't answer{}", leader_name(status), count_voters(status));
  if (auto problem = text_of(status, "problem"); !problem.empty())
    return problem;
  return text_of(status, "shortage");
}

// -- what needs an operator -------------------------------------------------------------------

void add_chunks(const json& status, reasons& out) {
  if (!status.contains("copies") || !status["copies"].contains("short"))
    return;
  auto& copies = status["copies"];
  auto unreadable = copies["unreadable"].get<std::uint64_t>();
  auto short_of_copies = copies["short"].get<std::uint64_t>();
  auto chunks = [](std::uint64_t count) {
    return fmt::format("{} chunk{}", count, count == 1 ? "" : "s");
  };
  if (unreadable > 0)
    out.push_back(chunks(unreadable) + " can't be read");
  if (short_of_copies > 0)
    out.push_back(chunks(short_of_copies) + " short of copies");
}

void add_storages(const json& status, reasons& out) {
  for (auto& node : status["storages"]) {
    auto name = node["name"].get<std::string>();
    if (node["health"] == "down")
      out.push_back(name + " is down");
    if (node["health"] == "failed")
      out.push_back(fmt::format("{} takes no more data ({})", name, text_of(node, "failed")));
  }
}

void add_master(const json& status, const json& master, reasons& out) {
  auto name = master["name"].get<std::string>();
  auto health = master["health"].get<std::string>();
  if (health == "turned away" || (is_member(master) && health == "waiting"))
    out.push_back(fmt::format("{} is {} ({})", name, health, text_of(master, "why")));
  if (is_member(master) && health == "down")
    out.push_back(name + " is down");
  if (is_member(master) && health == "up") {
    auto blocked = text_of(master, "blocked");
    if (text_of(status["seen_by"], "blocked").empty() && !blocked.empty())
      out.push_back(fmt::format("{}: {}", name, blocked));
    else if (is_astray(master, status))
      out.push_back(name + " doesn't follow the leading master");
  }
  if (auto differences = describe_differences(master); !differences.empty())
    out.push_back(differences);
}

/// The storage nodes that are down, except masters, which are named with the masters.
void add_turned_away(const json& status, reasons& out) {
  if (!status.contains("turned_away"))
    return;
  auto is_master = [&](const json& node) {
    return text_of(node, "folder").empty() &&
           std::any_of(status["masters"].begin(), status["masters"].end(),
                       [&](auto& master) { return master["name"] == node["name"]; });
  };
  for (auto& node : status["turned_away"])
    if (!is_master(node))
      out.push_back(
          fmt::format("{} is turned away ({})", text_of(node, "name"), text_of(node, "why")));
}

} // namespace

cluster_health judge_health(const json& status) {
  cluster_health health;
  auto refused = why_writes_are_refused(status);
  if (!refused.empty())
    health.reasons.push_back(std::string{refused_prefix} + refused);
  add_chunks(status, health.reasons);
  add_storages(status, health.reasons);
  for (auto& master : status["masters"])
    add_master(status, master, health.reasons);
  add_turned_away(status, health.reasons);
  health.state = !refused.empty()         ? health_state::unavailable
                 : health.reasons.empty() ? health_state::healthy
                                          : health_state::degraded;
  return health;
}

json to_json(const cluster_health& health) {
  return {{"state", state_names[static_cast<std::size_t>(health.state)]},
          {"reasons", health.reasons}};
}

std::string health_line(const json& health) {
  auto state = health["state"].get<std::string>();
  auto reasons = health["reasons"].get<std::vector<std::string>>();
  auto all = fmt::format("{}", fmt::join(reasons, ", "));
  if (state == "degraded")
    return "degraded: " + all;
  return all.empty() ? state : all;
}

exit_code health_exit_code(const json& health) {
  auto& state = health["state"];
  return state == "healthy" ? done : state == "degraded" ? degraded : unavailable;
}

} // namespace dfs::cli
