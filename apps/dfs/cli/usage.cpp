#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/remote_path.hpp"
#include "cli/root_policy.hpp"
#include "client/paths.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>

namespace dfs::cli {

namespace {

using nlohmann::json;

std::string size_of(std::uint64_t bytes, bool human) {
  return human ? human_bytes(bytes) : fmt::to_string(bytes);
}

/// Sums up files. One with several names counts once.
class measuring {
 public:
  measuring(control& masters, context& with, const usage_arguments& what)
      : masters_{masters}, with_{with}, what_{what} {}

  atl::status measure(const std::string& path) {
    auto entry = stat_path(masters_, path);
    if (!entry)
      return tl::unexpected{entry.error()};
    if (entry->attributes.type != inode_type::directory) {
      show(path, entry->attributes.size_bytes);
      return {};
    }
    auto bytes = measure_directory(path, true);
    return bytes ? atl::status{} : tl::unexpected{bytes.error()};
  }

  const json& shown() const { return shown_; }

 private:
  atl::result<std::uint64_t> measure_directory(const std::string& path, bool is_outermost) {
    std::uint64_t bytes = 0;
    auto where = place_of(path);
    if (!where)
      return tl::unexpected{where.error()};
    std::string after;
    while (!has_output_failed()) {
      auto page = masters_.query(queries::list{*where, after, 0});
      if (!page)
        return tl::unexpected{page.error()};
      for (auto& entry : page->entries) {
        if (entry.attributes.type == inode_type::directory) {
          auto below = measure_directory(join_path(path, entry.name), false);
          if (!below)
            return below;
          bytes += *below;
        } else if (entry.attributes.links < 2 || seen_.insert(entry.inode).second) {
          bytes += entry.attributes.size_bytes;
        }
      }
      if (!page->more || page->entries.empty())
        break;
      after = page->entries.back().name;
    }
    if (is_outermost || !what_.only_totals)
      show(path, bytes);
    return bytes;
  }

  void show(const std::string& path, std::uint64_t bytes) {
    if (with_.json)
      shown_.push_back({{"path", path}, {"bytes", bytes}});
    else
      print("{}\t{}\n", size_of(bytes, what_.human_sizes), display_name(path));
  }

  control& masters_;
  context& with_;
  const usage_arguments& what_;
  std::set<inode_id> seen_; ///< with several names
  json shown_ = json::array();
};

} // namespace

int show_usage(context& with, const usage_arguments& what) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  measuring all{**masters, with, what};
  int code = done;
  for (auto& path : what.paths) {
    auto measured = all.measure(path);
    if (measured)
      continue;
    auto failure = report_error(measured.error());
    code = code == done ? failure : code;
  }
  if (with.json)
    print("{}\n", all.shown().dump(-1, ' ', false, json::error_handler_t::replace));
  return code;
}

int show_space(context& with, bool human_sizes) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto cluster = (*masters)->cluster_info();
  if (!cluster)
    return report_error(cluster.error());
  auto root = wait_for_root_policy(**masters);
  if (!root)
    return report_error(root.error());
  auto summary = (*masters)->query(queries::summary{UINT32_MAX});
  if (!summary)
    return report_error(summary.error());
  auto out = json::array();
  std::uint64_t capacity = 0;
  std::uint64_t free = 0;
  auto row = [&](std::string_view name, std::uint64_t total, std::uint64_t left) {
    print("{:<16} {:>14} {:>14} {:>14} {:>4}%\n", name, size_of(total, human_sizes),
          size_of(total - left, human_sizes), size_of(left, human_sizes),
          total == 0 ? 0 : (total - left) * 100 / total);
  };
  if (!with.json)
    print("{:<16} {:>14} {:>14} {:>14} {:>5}\n", "node", "size", "used", "free", "use");
  for (auto& node : cluster->storages) {
    auto left = std::min(node.free_bytes, node.capacity_bytes);
    if (with.json)
      out.push_back({{"node", node.target.name},
                     {"bytes", node.capacity_bytes},
                     {"free_bytes", left},
                     {"is_up", node.healthy}});
    else
      row(display_name(node.target.name) + (node.healthy ? "" : " (down)"), node.capacity_bytes,
          left);
    if (!node.healthy)
      continue;
    capacity += node.capacity_bytes;
    free += left;
  }
  auto cost = std::max(root->policy.storage_cost, 1u);
  auto for_files = free / cost * 100;
  if (with.json) {
    print("{}\n", json{{"nodes", out},
                       {"bytes", capacity},
                       {"free_bytes", free},
                       {"free_for_files_bytes", for_files},
                       {"trash_entries", summary->trash_entries},
                       {"trash_bytes", summary->trash_bytes}}
                      .dump(-1, ' ', false, json::error_handler_t::replace));
    return done;
  }
  row("together", capacity, free);
  print("room for about {} of files, stored as / is\n",
        human_sizes ? human_bytes(for_files) : fmt::format("{} bytes", for_files));
  if (summary->trash_entries > 0)
    print("of the used space, files of {} are in the trash ('dfs trash list')\n",
          human_sizes ? human_bytes(summary->trash_bytes)
                      : fmt::format("{} bytes", summary->trash_bytes));
  return done;
}

} // namespace dfs::cli
