#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "client/control.hpp"
#include "common/clock.hpp"
#include "common/conversion_protocol.hpp"
#include "common/conversion_setting.hpp"
#include "namespace/path.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

// How files come to be stored by other policies.
namespace dfs::cli {

namespace {

using atl::errc;
using nlohmann::json;
using protocol::conversion_view;

constexpr auto poll_interval = std::chrono::milliseconds{300};

/// The conversions that are wanted, as the name space has them.
atl::result<std::vector<conversion>> wanted_conversions(control& masters) {
  std::vector<conversion> wanted;
  std::string after;
  for (;;) {
    auto page = masters.query(queries::settings{after});
    if (!page)
      return tl::unexpected{page.error()};
    for (const auto& each : page->settings)
      if (auto known = conversion_in(each.key, each.value))
        wanted.push_back(*known);
    if (!page->more || page->settings.empty())
      return wanted;
    after = page->settings.back().key;
  }
}

/// How far the leading master is with each of them. One that it doesn't know yet has done nothing.
atl::result<std::vector<conversion_view>> conversions_under_way(control& masters) {
  auto wanted = wanted_conversions(masters);
  if (!wanted)
    return tl::unexpected{wanted.error()};
  auto answer = masters.call(protocol::kind::conversions, {});
  auto list = answer.and_then(
      [](const std::string& bytes) { return protocol::decode_conversion_list(bytes); });
  if (!list)
    return tl::unexpected{list.error()};
  std::vector<conversion_view> views;
  for (const auto& each : *wanted) {
    auto known = std::ranges::find(list->conversions, each.inode, &conversion_view::inode);
    conversion_view fresh;
    fresh.inode = each.inode;
    fresh.where = each.where;
    fresh.begun_us = each.begun_us;
    views.push_back(known == list->conversions.end() ? fresh : *known);
  }
  return views;
}

std::string name_of(const conversion_view& view) {
  return view.where.at == root_inode ? "/" + view.where.path
                                     : fmt::format("inode {}/{}", view.where.at, view.where.path);
}

std::string progress_text(const conversion_view& view) {
  auto text = fmt::format("{} chunks ({}) are converted, {}{} ({}) are left", view.chunks,
                          human_bytes(view.bytes), view.is_counted ? "" : "at least ",
                          view.chunks_left, human_bytes(view.bytes_left));
  if (!view.problem.empty())
    text += fmt::format("; {} attempts failed, the last one: {}", view.failures, view.problem);
  return text;
}

json to_json(const conversion_view& view) {
  json out{{"path", name_of(view)},         {"inode", view.inode},
           {"begun_us", view.begun_us},     {"chunks", view.chunks},
           {"bytes", view.bytes},           {"chunks_left", view.chunks_left},
           {"bytes_left", view.bytes_left}, {"counted", view.is_counted},
           {"failures", view.failures}};
  if (!view.problem.empty())
    out["problem"] = view.problem;
  return out;
}

int show_conversions(context& with, control& masters) {
  auto views = conversions_under_way(masters);
  if (!views)
    return report_error(views.error());
  if (with.json) {
    auto out = json::array();
    for (const auto& each : *views)
      out.push_back(to_json(each));
    print("{}\n", out.dump(-1, ' ', false, json::error_handler_t::replace));
    return done;
  }
  for (const auto& each : *views)
    print("{}: {}\n", display_name(name_of(each)), progress_text(each));
  if (views->empty())
    print("nothing is being converted\n");
  return done;
}

/// The file or directory that a path names, with a setting's other fields.
atl::result<conversion> conversion_of(control& masters, const std::string& path) {
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  auto found = masters.query(queries::stat{*where});
  if (!found)
    return tl::unexpected{found.error()};
  auto type = found->attributes.type;
  if (type != inode_type::file && type != inode_type::directory)
    return atl::fail(errc::refused, fmt::format("{} has no content that is stored in chunks: only "
                                                "files and directories are converted",
                                                path));
  return conversion{found->inode, *where, type == inode_type::file, now_us()};
}

/// Waits until none of these is wanted any more.
atl::status wait_until_converted(context& with, control& masters, std::set<inode_id> waiting) {
  std::string last;
  for (;;) {
    auto views = conversions_under_way(masters);
    if (!views)
      return tl::unexpected{views.error()};
    std::erase_if(*views, [&](const auto& each) { return !waiting.contains(each.inode); });
    if (views->empty())
      return {};
    std::string text;
    for (const auto& each : *views)
      text += fmt::format("{}: {}\n", display_name(name_of(each)), progress_text(each));
    if (!with.quiet && !with.json && text != std::exchange(last, text))
      fmt::print(stderr, "{}", text);
    std::this_thread::sleep_for(poll_interval);
  }
}

int stop_conversions(control& masters, const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    auto what = conversion_of(masters, path);
    if (!what)
      return report_error(what.error());
    auto wanted = wanted_conversions(masters);
    if (!wanted)
      return report_error(wanted.error());
    if (std::ranges::find(*wanted, what->inode, &conversion::inode) == wanted->end())
      return report_error({errc::refused, fmt::format("{} isn't being converted", path)});
    auto set = masters.run(commands::configure{setting_key_of(what->inode), {}, {}});
    if (!set)
      return report_error(set.error());
    print("{}: what is not converted yet stays as it is\n", display_name(path));
  }
  return done;
}

} // namespace

int convert(context& with, const convert_arguments& what) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  if (what.paths.empty() && !what.wait && !what.stop)
    return show_conversions(with, **masters);
  if (what.stop && !what.paths.empty())
    return stop_conversions(**masters, what.paths);
  if (what.paths.empty())
    return report_error({errc::invalid, "which files or directories? name them by their paths"});
  std::set<inode_id> begun;
  for (const auto& path : what.paths) {
    auto wanted = conversion_of(**masters, path);
    if (!wanted)
      return report_error(wanted.error());
    auto set = (*masters)->run(
        commands::configure{setting_key_of(wanted->inode), setting_value_of(*wanted), {}});
    if (!set)
      return report_error(set.error());
    begun.insert(wanted->inode);
    if (!what.wait && !with.json)
      print("{} is being converted; 'dfs convert' shows how far it is\n", display_name(path));
  }
  if (!what.wait)
    return done;
  if (auto converted = wait_until_converted(with, **masters, begun); !converted)
    return report_error(converted.error());
  for (const auto& path : what.paths)
    print("{}: all files are stored as the policies of their directories say\n",
          display_name(path));
  return done;
}

} // namespace dfs::cli
