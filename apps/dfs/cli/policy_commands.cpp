#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/policy_arguments.hpp"
#include "cli/policy_room.hpp"
#include "cli/root_policy.hpp"
#include "client/paths.hpp"

#include <atoll/core/quantity.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace dfs::cli {

namespace {

using atl::errc;
using nlohmann::json;

json describe_options(const atl::spi::options& options) {
  auto out = json::object();
  for (auto& [key, value] : options.values())
    std::visit([&, name = key](const auto& it) { out[name] = it; }, value);
  return out;
}

json describe(policy_id id, const policy& what) {
  return {{"id", id},
          {"recovery", what.recovery},
          {"encoding", what.encoding},
          {"recovery_options", describe_options(what.recovery_options)},
          {"placement", what.placement},
          {"placement_options", describe_options(what.placement_options)},
          {"durability", to_string(what.durability)},
          {"chunk_size", what.chunk_bytes},
          {"inline_limit", what.inline_bytes_max},
          {"trash_ms", what.trash_us / 1000},
          {"fragments", what.fragments},
          {"fragments_min", what.fragments_min},
          {"survives_losses", what.survives_losses},
          {"storage_cost_percent", what.storage_cost}};
}

std::string trash_text(const policy& what) {
  if (what.trash_us == 0)
    return "none: what is removed is gone";
  return fmt::format("what is removed can be restored for {}",
                     atl::format_duration(std::chrono::microseconds{what.trash_us}));
}

void print_policy(const cluster_settings& cluster, policy_id id, const policy& what) {
  print("policy   {}\n", id);
  print("stored   {}\n", describe_policy(cluster, what));
  print("trash    {}\n", trash_text(what));
  print("promise  survives the loss of {} of {} fragments, takes {}.{:02} times the space\n",
        what.survives_losses, what.fragments, what.storage_cost / 100, what.storage_cost % 100);
}

/// The policy that holds at a place.
atl::result<responses::effective_policy> find_policy(control& masters, const place& where) {
  if (auto root = wait_for_root_policy(masters); !root)
    return root;
  return masters.query(queries::policy_of{where, false});
}

atl::result<policy_id> define(context& with, control& masters, const place& where,
                              const std::vector<std::string>& changes) {
  auto settings = with.settings();
  if (!settings)
    return tl::unexpected{settings.error()};
  auto now = find_policy(masters, where);
  if (!now)
    return tl::unexpected{now.error()};
  auto wanted = change_policy(*settings, now->policy, changes);
  if (!wanted)
    return tl::unexpected{wanted.error()};
  if (auto enough = check_room(masters, *settings, *wanted); !enough)
    return tl::unexpected{enough.error()};
  auto defined = masters.run(commands::define_policy{std::move(*wanted)});
  if (!defined)
    return tl::unexpected{defined.error()};
  return defined->id;
}

} // namespace

int set_policy(context& with, const std::string& path, const std::vector<std::string>& changes) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto where = place_of(path);
  if (!where)
    return report_error(where.error());
  auto inherits = changes.size() == 1 && changes.front() == "inherit";
  auto id = inherits ? atl::result<policy_id>{no_policy} : define(with, **masters, *where, changes);
  if (!id)
    return report_error(id.error());
  auto set = (*masters)->run(commands::set_policy{*where, *id, false});
  if (!set)
    return report_error(set.error());
  return show_policy(with, path);
}

int show_policy(context& with, const std::string& path) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto settings = with.settings();
  if (!settings)
    return report_error(settings.error());
  auto where = place_of(path);
  if (!where)
    return report_error(where.error());
  auto found = find_policy(**masters, *where);
  if (!found)
    return report_error(found.error());
  auto is_own = found->set_at == found->inode;
  if (with.json) {
    auto out = describe(found->id, found->policy);
    out["path"] = path;
    out["inherited"] = !is_own;
    print("{}\n", out.dump(-1, ' ', false, json::error_handler_t::replace));
    return done;
  }
  print("path     {}\n", display_name(path));
  print_policy(*settings, found->id, found->policy);
  if (!is_own)
    print("from     {}\n", found->set_at == root_inode
                               ? std::string{"/"}
                               : fmt::format("a directory above, inode {}", found->set_at));
  return done;
}

int list_policies(context& with) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto settings = with.settings();
  if (!settings)
    return report_error(settings.error());
  auto out = json::array();
  for (auto after = no_policy;;) {
    auto page = (*masters)->query(queries::policies{after});
    if (!page)
      return report_error(page.error());
    for (auto& item : page->policies) {
      if (with.json)
        out.push_back(describe(item.id, item.policy));
      else
        print("{:>3}  {}\n", item.id, describe_policy(*settings, item.policy));
    }
    if (!page->more || page->policies.empty())
      break;
    after = page->policies.back().id;
  }
  if (with.json)
    print("{}\n", out.dump(-1, ' ', false, json::error_handler_t::replace));
  return done;
}

} // namespace dfs::cli
