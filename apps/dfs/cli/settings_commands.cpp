#include "cli/commands.hpp"
#include "client/control.hpp"
#include "common/upkeep.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>
#include <optional>

// The settings that an operator may change while a cluster runs.
namespace dfs::cli {

namespace {

using atl::errc;

atl::result<std::map<std::string, std::string>> changed_settings(control& masters) {
  std::map<std::string, std::string> changed;
  std::string after;
  for (;;) {
    auto page = masters.query(queries::settings{after});
    if (!page)
      return tl::unexpected{page.error()};
    for (const auto& each : page->settings)
      changed[each.key] = each.value;
    if (!page->more || page->settings.empty())
      return changed;
    after = page->settings.back().key;
  }
}

} // namespace

int change_settings(context& with, const std::vector<std::string>& changes) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  std::vector<commands::configure> wanted;
  for (const auto& change : changes) {
    auto equals = change.find('=');
    if (equals == change.npos)
      return report_error(
          {errc::invalid, fmt::format("'{}' is no KEY=VALUE, such as repair.rate=100MiB", change)});
    auto key = change.substr(0, equals);
    auto value = change.substr(equals + 1);
    upkeep_values tried;
    // Without a value the configuration's holds again; the key must exist in any case.
    auto ok = set_upkeep(tried, key, value.empty() ? upkeep_text(tried, key) : value);
    if (!ok)
      return report_error(ok.error());
    wanted.push_back({key, value});
  }
  for (const auto& each : wanted) {
    if (auto done = (*masters)->run(each); !done)
      return report_error(done.error());
    if (each.value.empty())
      fmt::print("{}: what the configuration says holds again\n", each.key);
    else
      fmt::print("{} = {}\n", each.key, each.value);
  }
  return done;
}

int show_settings(context& with) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto changed = changed_settings(**masters);
  if (!changed)
    return report_error(changed.error());
  auto& configured = with.loaded->upkeep; // read by `masters`
  nlohmann::json list = nlohmann::json::object();
  for (const auto& each : upkeep_settings()) {
    auto key = std::string{each.key};
    auto in_file = upkeep_text(configured, key);
    auto is_changed = changed->contains(key);
    auto value = is_changed ? changed->at(key) : in_file;
    if (with.json)
      list[key] = {{"value", value}, {"configured", in_file}, {"changed", is_changed}};
    else
      fmt::print("{:<22} {:<10} {}\n", key, value,
                 is_changed ? fmt::format("(the configuration says {})", in_file) : "");
  }
  if (with.json)
    fmt::print("{}\n", list.dump());
  return done;
}

} // namespace dfs::cli
