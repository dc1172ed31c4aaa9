#include "cli/cluster_status.hpp"

#include "cli/health.hpp"

#include <fmt/format.h>

#include <future>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dfs::cli {

using nlohmann::json;

namespace {

/// What each master that answers reports, by its name.
std::map<std::string, json> ask_masters(control& masters) {
  std::map<std::string, json> views;
  for (auto& answer : masters.call_each(protocol::kind::status)) {
    auto view = answer ? json::parse(*answer, nullptr, false) : json{};
    if (!view.is_object() || !view.contains("seen_by"))
      continue;
    std::string name = view["seen_by"]["name"];
    views[name] = std::move(view);
  }
  return views;
}

/// What only DFS's masters report about themselves.
void add_own_views(json& masters, const std::map<std::string, json>& views) {
  for (auto& master : masters) {
    auto own = views.find(master["name"].get<std::string>());
    if (own == views.end() || master["health"] == "down")
      continue;
    master["metrics"] = own->second["seen_by"]["metrics"];
    master["consensus"] = own->second["plugins"]["consensus"];
  }
}

} // namespace

atl::result<cluster_status> gather_status(control& masters) {
  // At once, because a master that doesn't answer costs each of the two the time to notice.
  auto asked = std::async(std::launch::async, [&] {
    return atl::node::ask_group(masters.service().group(), master_role_name);
  });
  auto views = ask_masters(masters);
  auto group = asked.get();
  if (!group)
    return atl::fail(atl::errc::unavailable,
                     fmt::format("{}; {}", group.error().message, nodes_down_advice));
  for (auto& name : group->ranked) {
    auto best = views.find(name);
    if (best == views.end())
      continue;
    auto view = best->second;
    view["masters"] = json::parse(atl::node::members_json(*group));
    add_own_views(view["masters"], views);
    view["configuration"] = group->view.settings;
    return cluster_status{std::move(view), std::move(*group)};
  }
  return atl::fail(atl::errc::unavailable,
                   fmt::format("no master reports its status; {}", nodes_down_advice));
}

json to_json(const cluster_status& status) {
  auto out = status.view;
  out["health"] = to_json(judge_health(status));
  return out;
}

} // namespace dfs::cli
