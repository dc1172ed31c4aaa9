#include "cli/master_standing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

namespace dfs::cli {

namespace {

using nlohmann::json;

/// Ranks views: a leader knows more than a follower, and a follower more than a master without a
/// group.
auto rank_of(const json& view) {
  auto& seen = view["seen_by"];
  auto& role = seen["role"];
  auto weight = role == "leader" ? 2 : role == "waiting" ? 0 : 1;
  auto term = seen["term"].get<std::uint64_t>();
  auto committed = seen["committed"].get<std::uint64_t>();
  return weight == 2 ? std::tuple{weight, term, committed} : std::tuple{weight, committed, term};
}

std::string member_of(const json& group, const json& id) {
  auto has = [&](const char* list) {
    return std::find(group[list].begin(), group[list].end(), id) != group[list].end();
  };
  if (group["role"] == "waiting")
    return "unknown";
  return has("voters") ? "voter" : has("learners") ? "learner" : not_a_member;
}

/// Lists a master that was admitted again under a new id once.
void drop_former_ids(json& masters) {
  auto is_former = [&](const json& master) {
    return master["member"] == not_a_member &&
           std::any_of(masters.begin(), masters.end(), [&](auto& other) {
             return other["name"] == master["name"] && other["member"] != not_a_member;
           });
  };
  auto kept = json::array();
  for (auto& master : masters)
    if (!is_former(master))
      kept.push_back(master);
  masters = std::move(kept);
}

/// Why the group turns a master away; empty: it does not.
std::string why_turned_away(const json& status, const json& name) {
  if (status.contains("turned_away"))
    for (auto& node : status["turned_away"])
      if (node["name"] == name && node["folder"] == "") // with a folder: in its role as storage
        return node["why"].get<std::string>();
  return {};
}

json find_differences(const json& there, const json& here) {
  auto differs = json::array();
  if (!there.is_object() || !here.is_object())
    return differs;
  for (auto& [key, value] : here.items())
    if (there.contains(key) && there[key] != value)
      differs.push_back({{"key", key}, {"there", there[key]}, {"here", value}});
  return differs;
}

void add_own_view(json& master, const json& own, const json& status) {
  auto& seen = own["seen_by"];
  for (auto* key : {"role", "applied", "committed", "term", "blocked", "metrics"})
    master[key] = seen[key];
  master["follows"] = seen["leader"];
  auto committed = status["seen_by"]["committed"].get<std::uint64_t>();
  master["behind"] = committed - std::min(committed, master["applied"].get<std::uint64_t>());
  if (own.contains("plugins"))
    master["consensus"] = own["plugins"]["consensus"];
  if (own.contains("waiting"))
    master["waiting"] = own["waiting"];
  if (auto differs = find_differences(own.value("configuration", json{}),
                                      status.value("configuration", json{}));
      !differs.empty())
    master["differs"] = std::move(differs);
}

void add_health(json& master, bool answers, const json& status) {
  auto turned_away = why_turned_away(status, master["name"]);
  if (!answers) {
    master["health"] = "down";
  } else if (master.contains("waiting")) {
    master["health"] = "waiting";
    master["why"] = master["waiting"];
  } else if (!turned_away.empty()) {
    master["health"] = "turned away";
    master["why"] = turned_away;
  } else {
    master["health"] = "up";
  }
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

} // namespace

const json* best_view(const std::map<std::string, json>& views) {
  auto best = std::max_element(views.begin(), views.end(), [](auto& left, auto& right) {
    return rank_of(left.second) < rank_of(right.second);
  });
  return best == views.end() ? nullptr : &best->second;
}

void add_standing(json& status, const std::map<std::string, json>& views) {
  auto& masters = status["masters"];
  for (auto& master : masters)
    master["member"] = member_of(status["seen_by"], master["id"]);
  drop_former_ids(masters);
  for (auto& master : masters) {
    auto own = views.find(master["name"].get<std::string>());
    if (own != views.end())
      add_own_view(master, own->second, status);
    add_health(master, own != views.end(), status);
  }
}

bool is_astray(const json& master, const json& status) {
  auto& seen = status["seen_by"];
  return master["member"] != not_a_member && master["health"] == "up" && seen["role"] == "leader" &&
         master["follows"] != seen["leader"];
}

std::string describe_differences(const json& master) {
  if (!master.contains("differs"))
    return {};
  std::vector<std::string> all;
  for (auto& it : master["differs"])
    all.push_back(fmt::format("{} is {}, here {}", it["key"].get<std::string>(),
                              text_of(it["there"]), text_of(it["here"])));
  return fmt::format("{}'s file differs: {}", master["name"].get<std::string>(),
                     fmt::join(all, "; "));
}

std::string describe_role(const json& master) {
  auto member = master["member"].get<std::string>();
  if (member == not_a_member || member == "unknown" || !master.contains("applied"))
    return member;
  auto entry = fmt::format("entry {}", master["applied"].get<std::uint64_t>());
  if (master["health"] != "up") // its own view of its role isn't valid
    return fmt::format("{}, {}", member, entry);
  return fmt::format("{}, {}", master["role"].get<std::string>(), entry);
}

} // namespace dfs::cli
