#include "cli/health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace dfs::cli {

namespace {

using atl::node::group_overview;
using atl::node::member_health;
using atl::node::member_relation;
using atl::node::member_standing;
using nlohmann::json;
using reasons = std::vector<std::string>;

constexpr std::string_view state_names[] = {"healthy", "degraded", "unavailable"};
constexpr std::string_view refused_prefix = "writes are refused: ";

std::string text_of(const json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

bool is_member(const member_standing& master) {
  return master.relation != member_relation::none;
}

// -- why writes are refused -------------------------------------------------------------------

std::string count_voters(const group_overview& masters) {
  std::size_t voters = 0;
  std::size_t up = 0;
  for (auto& master : masters.members) {
    if (master.relation != member_relation::voter)
      continue;
    ++voters;
    up += master.health == member_health::up ? 1 : 0;
  }
  return voters == 0 ? "" : fmt::format(" ({} of {} voting masters answer)", up, voters);
}

std::string leader_name(const group_overview& masters) {
  for (auto& master : masters.members)
    if (master.leads)
      return master.name;
  return "the leading master";
}

/// @returns the reason; empty: writes are accepted.
std::string why_writes_are_refused(const cluster_status& status) {
  auto& seen = status.masters.view;
  auto leads = seen.role == atl::spi::replica_role::leader;
  if (!seen.blocked.empty())
    return seen.blocked + (leads ? "" : count_voters(status.masters));
  if (!leads)
    return fmt::format("{} leads and doesn't answer{}", leader_name(status.masters),
                       count_voters(status.masters));
  if (auto problem = text_of(status.view, "problem"); !problem.empty())
    return problem;
  return text_of(status.view, "shortage");
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

/// Policies of which the leading master lacks a plugin: it can neither place chunks by them nor
/// repair any.
void add_policies(const json& status, reasons& out) {
  if (!status.contains("unusable_policies"))
    return;
  for (auto& policy : status["unusable_policies"])
    out.push_back(fmt::format("the leading master can't use policy {}, so that its chunks aren't "
                              "looked after ({})",
                              policy["policy"].get<std::uint64_t>(), text_of(policy, "why")));
}

void add_storages(const json& status, reasons& out) {
  for (auto& node : status["storages"]) {
    auto name = node["name"].get<std::string>();
    if (node["health"] == "down")
      out.push_back(name + " is down");
    if (node["health"] == "failed")
      out.push_back(fmt::format("{} takes no more data ({})", name, text_of(node, "failed")));
    else if (node["health"] != "down" && node.contains("disks"))
      for (auto& disk : node["disks"])
        if (disk["health"] == "failed")
          out.push_back(fmt::format("disk {} of {} isn't used ({})", text_of(disk, "folder"), name,
                                    text_of(disk, "failed")));
  }
}

void add_master(const group_overview& masters, const member_standing& master, reasons& out) {
  auto& name = master.name;
  auto health = master.health;
  if (health == member_health::turned_away ||
      (is_member(master) && health == member_health::waiting))
    out.push_back(fmt::format("{} is {} ({})", name, to_string(health), master.why));
  if (is_member(master) && health == member_health::down)
    out.push_back(name + " is down");
  if (is_member(master) && health == member_health::up) {
    auto& blocked = master.own->blocked;
    if (masters.view.blocked.empty() && !blocked.empty())
      out.push_back(fmt::format("{}: {}", name, blocked));
    else if (master.astray)
      out.push_back(name + " doesn't follow the leading master");
  }
  if (auto differences = describe_differences(master); !differences.empty())
    out.push_back(differences);
}

/// The nodes that are turned away, except masters, which are named with the masters.
void add_turned_away(const cluster_status& status, reasons& out) {
  if (!status.view.contains("turned_away"))
    return;
  for (auto& node : status.view["turned_away"]) {
    auto name = text_of(node, "name");
    auto is_master = text_of(node, "folder").empty() && status.masters.find(name) != nullptr;
    if (!is_master)
      out.push_back(fmt::format("{} is turned away ({})", name, text_of(node, "why")));
  }
}

} // namespace

cluster_health judge_health(const cluster_status& status) {
  cluster_health health;
  auto refused = why_writes_are_refused(status);
  if (!refused.empty())
    health.reasons.push_back(std::string{refused_prefix} + refused);
  add_chunks(status.view, health.reasons);
  add_policies(status.view, health.reasons);
  add_storages(status.view, health.reasons);
  for (auto& master : status.masters.members)
    add_master(status.masters, master, health.reasons);
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

std::string health_line(const cluster_health& health) {
  auto all = fmt::format("{}", fmt::join(health.reasons, ", "));
  if (health.state == health_state::degraded)
    return "degraded: " + all;
  return all.empty() ? std::string{state_names[static_cast<std::size_t>(health.state)]} : all;
}

exit_code health_exit_code(const cluster_health& health) {
  return health.state == health_state::healthy    ? done
         : health.state == health_state::degraded ? degraded
                                                  : unavailable;
}

} // namespace dfs::cli
