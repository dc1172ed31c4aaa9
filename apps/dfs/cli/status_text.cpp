#include "cli/status_text.hpp"

#include "cli/context.hpp"
#include "cli/health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace dfs::cli {

namespace {

using atl::node::describe_differences;
using atl::node::describe_role;
using atl::node::member_standing;
using nlohmann::json;

std::string plugin_line(const json& plugin) {
  std::string options;
  for (auto& [key, value] : plugin["options"].items())
    options += fmt::format("{}{} = {}", options.empty() ? "" : ", ", key, value.dump());
  return fmt::format("{} {}{}", plugin["name"].get<std::string>(),
                     plugin["version"].get<std::string>(),
                     options.empty() ? "" : "  {" + options + "}");
}

std::string scrub_text(const json& scrub) {
  auto number = [&](const char* key) { return scrub[key].get<std::uint64_t>(); };
  if (number("ended_us") >= number("began_us"))
    return "scrubbed " + human_time(static_cast<std::int64_t>(number("ended_us")));
  auto percent = number("done_bytes") * 100 / std::max<std::uint64_t>(number("total_bytes"), 1);
  return fmt::format("scrub {}%", std::min<std::uint64_t>(percent, 100));
}

std::string disk_line(const json& disk) {
  auto why = disk["failed"].get<std::string>();
  if (!why.empty())
    return fmt::format("\n    {} isn't used: {}", disk["folder"].get<std::string>(), why);
  auto line = fmt::format("\n    {:<46} {:>8} chunks {:>11} used {:>11} free",
                          disk["folder"].get<std::string>(), disk["chunks"].get<std::uint64_t>(),
                          human_bytes(disk["used_bytes"]), human_bytes(disk["free_bytes"]));
  if (auto damaged = disk["damaged"].get<std::uint64_t>(); damaged > 0)
    line += fmt::format("  {} damaged", damaged);
  if (disk["scrub"].is_object())
    line += "  " + scrub_text(disk["scrub"]);
  return line;
}

std::string storage_line(const json& node) {
  auto health = node["health"].get<std::string>();
  if (!node.contains("address"))
    return fmt::format("  {:<16} storage  {:<8}\n", node["name"].get<std::string>(), health);
  if (auto state = node.value("state", std::string{"active"}); state != "active")
    health = state == "draining" && node.value("empty", false) ? "drained" : state;
  auto line = fmt::format("  {:<16} storage  {:<8} {:<22} {:>8} chunks {:>11} used {:>11} free",
                          node["name"].get<std::string>(), health,
                          node["address"].get<std::string>(), node["chunks"].get<std::uint64_t>(),
                          human_bytes(node["used_bytes"]), human_bytes(node["free_bytes"]));
  if (auto zone = node["zone"].get<std::string>(); !zone.empty())
    line += fmt::format("  zone {}", zone);
  if (auto damaged = node["damaged"].get<std::uint64_t>(); damaged > 0)
    line += fmt::format("  {} damaged", damaged);
  auto scrub = node.value("scrub", json{});
  if (scrub.is_object())
    line += "  " + scrub_text(scrub);
  if (auto why = node["failed"].get<std::string>(); !why.empty())
    line += "\n    " + why;
  for (auto& disk : node.value("disks", json::array()))
    line += disk_line(disk);
  if (scrub.is_object() && scrub["damaged"].get<std::uint64_t>() > 0)
    line += fmt::format("\n    found by the scrub: {}", scrub["last_finding"].get<std::string>());
  return line + "\n";
}

std::string master_lines(const member_standing& master) {
  auto line = fmt::format("  {:<16} master   {:<8} {:<22} {}\n", master.name,
                          to_string(master.health), master.address, describe_role(master));
  if (!master.why.empty())
    line += fmt::format("    {}\n", master.why);
  if (auto differences = describe_differences(master); !differences.empty())
    line += fmt::format("    {}\n", differences);
  return line;
}

std::string age_text(const json& copies) {
  auto seconds = copies["age_ms"].get<std::uint64_t>() / 1000;
  auto counted =
      seconds == 0 ? std::string{"counted just now"} : fmt::format("counted {} s ago", seconds);
  return copies["state"] == "counting again" ? counted + "; being counted again" : counted;
}

std::string copies_line(const json& copies) {
  auto state = copies["state"].get<std::string>();
  if (state == "failed")
    return fmt::format("copies aren't counted: {}\n", copies["problem"].get<std::string>());
  if (state == "counting")
    return "copies are being counted\n";
  auto text =
      fmt::format("{} of {} chunks short of copies, {} can't be read ({})\n",
                  copies["short"].get<std::uint64_t>(), copies["chunks"].get<std::uint64_t>(),
                  copies["unreadable"].get<std::uint64_t>(), age_text(copies));
  if (auto critical = copies["critical"].get<std::uint64_t>(); critical > 0)
    text += fmt::format("  of these, {} would be lost with the next loss\n", critical);
  return text;
}

std::string duration_text(std::uint64_t seconds) {
  if (seconds >= 3600)
    return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return seconds >= 60 ? fmt::format("{} min", seconds / 60) : fmt::format("{} s", seconds);
}

/// What the keeper is doing; empty: nothing.
std::string repair_line(const json& repair) {
  auto queued = repair["queued_chunks"].get<std::uint64_t>();
  auto tasks = repair["tasks"].get<std::uint64_t>();
  std::string text;
  if (queued + tasks > 0) {
    text =
        fmt::format("repair: {} fragments on their way, {} chunks ({}) wait, {}/s", tasks, queued,
                    human_bytes(repair["queued_bytes"]), human_bytes(repair["bytes_a_second"]));
    if (!repair["seconds_left"].is_null())
      text += fmt::format(", about {} left", duration_text(repair["seconds_left"]));
    text += "\n";
  }
  if (auto stuck = repair["stuck_chunks"].get<std::uint64_t>(); stuck > 0)
    text += fmt::format("repair: {} chunks wait for storage nodes with room for them\n", stuck);
  return text;
}

/// Empty if nothing is being converted.
std::string conversions_line(const json& conversions) {
  auto count = conversions["count"].get<std::uint64_t>();
  if (count == 0)
    return {};
  return fmt::format(
      "{} conversion{} under way, {}{} chunks ({}) are left ('dfs convert')\n", count,
      count == 1 ? "" : "s", conversions["counted"].get<bool>() ? "" : "at least ",
      conversions["chunks_left"].get<std::uint64_t>(), human_bytes(conversions["bytes_left"]));
}

/// Empty if every connection was admitted.
std::string connections_line(const json& master) {
  auto& counters = master["connections"];
  std::string reasons;
  for (auto& [why, count] : counters["refused"].items())
    if (count.get<std::uint64_t>() > 0)
      reasons +=
          fmt::format("{}{} ({})", reasons.empty() ? "" : ", ", count.get<std::uint64_t>(), why);
  auto silent =
      counters["timed_out"].get<std::uint64_t>() + counters["displaced"].get<std::uint64_t>();
  if (reasons.empty() && silent == 0)
    return {};
  return fmt::format(
      "connections to {} that were kept out: {} refused, {} without a proof in time\n",
      master["name"].get<std::string>(), reasons.empty() ? "none" : reasons, silent);
}

} // namespace

std::string status_text(const cluster_status& shown) {
  auto& status = shown.view;
  auto out = fmt::format("{}\n\ncluster {}, as {} sees it\n\nnodes\n",
                         health_line(judge_health(shown)), status["cluster"].get<std::string>(),
                         status["seen_by"]["name"].get<std::string>());
  for (auto& master : shown.masters.members)
    out += master_lines(master);
  for (auto& node : status["storages"])
    out += storage_line(node);
  out += "\nplugins\n";
  for (auto* role : {"consensus", "placement", "reads", "recovery"})
    out += fmt::format("  {:<10} {}\n", role, plugin_line(status["plugins"][role]));
  out += fmt::format("\ndurability {}, chunks of {}\n", status["durability"].get<std::string>(),
                     human_bytes(status["chunk_bytes"]));
  if (status.contains("policy"))
    for (auto& part : status["policy"]["differs"])
      out +=
          fmt::format("the policy of / has {} = {}; the configuration says {}, which holds for new "
                      "clusters alone ('dfs policy set /' changes what holds)\n",
                      part["key"].get<std::string>(), part["holds"].get<std::string>(),
                      part["configured"].get<std::string>());
  if (auto& files = status["files"]; files.is_object())
    out +=
        fmt::format("{} files, {} directories, {} in {} chunks\n",
                    files["files"].get<std::uint64_t>(), files["directories"].get<std::uint64_t>(),
                    human_bytes(files["bytes"]), files["chunks"].get<std::uint64_t>());
  if (auto& files = status["files"]; files.is_object() && files["trash_entries"] > 0)
    out +=
        fmt::format("{} of them in the trash, in {} entries ('dfs trash list')\n",
                    human_bytes(files["trash_bytes"]), files["trash_entries"].get<std::uint64_t>());
  if (status.contains("copies") && status["copies"].is_object())
    out += copies_line(status["copies"]);
  if (status.contains("repair") && !status["repair"].is_null())
    out += repair_line(status["repair"]);
  if (status.contains("conversions"))
    out += conversions_line(status["conversions"]);
  if (status["seen_by"].contains("connections"))
    out += connections_line(status["seen_by"]);
  if (status.contains("problem"))
    out += "\nproblem: " + status["problem"].get<std::string>() + "\n";
  if (status.contains("refused"))
    for (auto& why : status["refused"])
      out += "turned away: " + why.get<std::string>() + "\n";
  return out;
}

} // namespace dfs::cli
