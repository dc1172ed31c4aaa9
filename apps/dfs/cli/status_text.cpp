#include "cli/status_text.hpp"

#include "cli/context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

namespace dfs::cli {

namespace {

using nlohmann::json;

std::string plugin_line(const json& plugin) {
  std::string options;
  for (auto& [key, value] : plugin["options"].items())
    options += fmt::format("{}{} = {}", options.empty() ? "" : ", ", key, value.dump());
  return fmt::format("{} {}{}", plugin["name"].get<std::string>(),
                     plugin["version"].get<std::string>(),
                     options.empty() ? "" : "  {" + options + "}");
}

std::string storage_line(const json& node) {
  auto health = node["health"].get<std::string>();
  if (!node.contains("address"))
    return fmt::format("  {:<16} storage  {:<8}\n", node["name"].get<std::string>(), health);
  auto line = fmt::format("  {:<16} storage  {:<8} {:<22} {:>8} chunks {:>11} used {:>11} free",
                          node["name"].get<std::string>(), health,
                          node["address"].get<std::string>(), node["chunks"].get<std::uint64_t>(),
                          human_bytes(node["used_bytes"]), human_bytes(node["free_bytes"]));
  if (auto zone = node["zone"].get<std::string>(); !zone.empty())
    line += fmt::format("  zone {}", zone);
  if (auto damaged = node["damaged"].get<std::uint64_t>(); damaged > 0)
    line += fmt::format("  {} damaged", damaged);
  if (auto why = node["failed"].get<std::string>(); !why.empty())
    line += "\n    " + why;
  return line + "\n";
}

/// A master that leads knows more than one that follows, and that more than one that takes no part.
int weight_of(const json& view) {
  auto& role = view["seen_by"]["role"];
  return role == "leader" ? 2 : role == "waiting" ? 0 : 1;
}

} // namespace

atl::result<json> gather_status(control& masters) {
  auto answers = masters.call_each(protocol::kind::status);
  json best;
  std::map<std::string, json> views; ///< by the name of whose it is
  std::vector<std::string> problems;
  for (auto& answer : answers) {
    auto view = answer ? json::parse(*answer, nullptr, false) : json{};
    if (!answer)
      problems.push_back(answer.error().message);
    if (!view.is_object() || !view.contains("masters"))
      continue;
    if (best.is_null() || weight_of(view) > weight_of(best))
      best = view;
    std::string name = view["seen_by"]["name"];
    views[name] = std::move(view);
  }
  if (best.is_null())
    return atl::fail(
        atl::errc::unavailable,
        fmt::format("no master answers: {}; {}", fmt::join(problems, "; "), nodes_down_advice));
  for (auto& master : best["masters"]) {
    auto own = views.find(master["name"]);
    master["health"] = own == views.end()                ? "down"
                       : own->second.contains("waiting") ? "waiting"
                                                         : "up";
    if (master["health"] == "waiting")
      master["waiting"] = own->second["waiting"];
    if (own != views.end())
      for (auto* key : {"role", "applied", "decided", "term", "blocked", "metrics"})
        master[key] = own->second["seen_by"][key];
    if (own != views.end()) {
      auto decided = best["seen_by"]["decided"].get<std::uint64_t>();
      master["behind"] = decided - std::min(decided, master["applied"].get<std::uint64_t>());
    }
  }
  return best;
}

std::string status_text(const json& status) {
  std::string out =
      fmt::format("cluster {}, as {} sees it\n\nnodes\n", status["cluster"].get<std::string>(),
                  status["seen_by"]["name"].get<std::string>());
  for (auto& master : status["masters"]) {
    out += fmt::format("  {:<16} master   {:<8} {:<22}", master["name"].get<std::string>(),
                       master["health"].get<std::string>(), master["address"].get<std::string>());
    if (master["health"] == "up")
      out += fmt::format(" {}, entry {}", master["role"].get<std::string>(),
                         master["applied"].get<std::uint64_t>());
    out += '\n';
  }
  for (auto& node : status["storages"])
    out += storage_line(node);
  out += "\nplugins\n";
  for (auto* role : {"consensus", "placement", "reads", "recovery"})
    out += fmt::format("  {:<10} {}\n", role, plugin_line(status["plugins"][role]));
  out += fmt::format("\ndurability {}, chunks of {}\n", status["durability"].get<std::string>(),
                     human_bytes(status["chunk_bytes"]));
  if (auto& files = status["files"]; files.is_object())
    out +=
        fmt::format("{} files, {} directories, {} in {} chunks\n",
                    files["files"].get<std::uint64_t>(), files["directories"].get<std::uint64_t>(),
                    human_bytes(files["bytes"]), files["chunks"].get<std::uint64_t>());
  if (auto blocked = status["seen_by"]["blocked"].get<std::string>(); !blocked.empty())
    out += "\nwrites are refused: " + blocked + "\n";
  if (status.contains("problem"))
    out += "\nproblem: " + status["problem"].get<std::string>() + "\n";
  if (status.contains("refused"))
    for (auto& why : status["refused"])
      out += "turned away: " + why.get<std::string>() + "\n";
  return out;
}

} // namespace dfs::cli
