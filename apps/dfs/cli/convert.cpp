#include "cli/convert.hpp"

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
#include <string_view>
#include <thread>
#include <utility>
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
atl::status wait_until_over(context& with, control& masters, const std::set<inode_id>& waiting) {
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

/// Is everything there stored as the policies say? A conversion that is over may have been called
/// off. Of a file with several names, whose directories may differ, nothing is said.
atl::status check_converted(control& masters, const std::string& path, const conversion& what) {
  queries::unconverted next{what.is_file ? what.where : place{what.inode, {}}};
  for (;;) {
    auto page = masters.query(next);
    if (!page)
      return tl::unexpected{page.error()};
    auto differs = [](const auto& item) { return item.links == 1; };
    if (std::ranges::any_of(page->items, differs))
      return atl::fail(errc::refused,
                       fmt::format("{} is not converted any more, and not all of it is stored as "
                                   "its policy says: the conversion was called off, or the policy "
                                   "was changed or files came there meanwhile; convert it again",
                                   path));
    if (!page->more)
      return {};
    next.after = std::move(page->next);
    next.from_offset = page->next_offset;
  }
}

atl::status order_conversion(control& masters, const std::string& path,
                             std::vector<std::pair<std::string, conversion>>& begun) {
  auto wanted = conversion_of(masters, path);
  if (!wanted)
    return tl::unexpected{wanted.error()};
  auto set = masters.run(
      commands::configure{setting_key_of(wanted->inode), setting_value_of(*wanted), {}});
  if (!set)
    return tl::unexpected{set.error()};
  begun.emplace_back(path, std::move(*wanted));
  return {};
}

atl::status stop_conversion(control& masters, const std::string& path) {
  auto what = conversion_of(masters, path);
  if (!what)
    return tl::unexpected{what.error()};
  auto wanted = wanted_conversions(masters);
  if (!wanted)
    return tl::unexpected{wanted.error()};
  if (std::ranges::find(*wanted, what->inode, &conversion::inode) == wanted->end())
    return atl::fail(errc::refused,
                     fmt::format("{} isn't being converted; 'dfs convert' shows what is", path));
  auto set = masters.run(commands::configure{setting_key_of(what->inode), {}, {}});
  return set ? atl::status{} : tl::unexpected{set.error()};
}

/// Collects what comes of each path. The first failure decides the exit code.
class outcomes {
 public:
  explicit outcomes(const context& with) : with_{with} {}

  /// @param state of the path if all went well, for programs @param text the same for people
  void add(const std::string& path, const atl::status& outcome, std::string_view state,
           std::string_view text) {
    if (!outcome) {
      auto failure = report_error(outcome.error());
      code_ = code_ == done ? failure : code_;
    } else if (with_.json) {
      all_.push_back({{"path", path}, {"state", state}});
    } else {
      print("{}{}\n", display_name(path), text);
    }
  }
  int finish() const {
    if (with_.json)
      print("{}\n", all_.dump(-1, ' ', false, json::error_handler_t::replace));
    return code_;
  }

 private:
  const context& with_;
  json all_ = json::array();
  int code_ = done;
};

int stop_conversions(context& with, control& masters, const std::vector<std::string>& paths) {
  outcomes all{with};
  for (const auto& path : paths)
    all.add(path, stop_conversion(masters, path), "stopped",
            ": what is not converted yet stays as it is");
  return all.finish();
}

} // namespace

int convert(context& with, const convert_arguments& what) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  if (what.paths.empty() && !what.wait && !what.stop)
    return show_conversions(with, **masters);
  if (what.paths.empty())
    return report_error({errc::invalid, "which files or directories? name them by their paths"});
  if (what.stop)
    return stop_conversions(with, **masters, what.paths);
  outcomes all{with};
  std::vector<std::pair<std::string, conversion>> begun;
  std::set<inode_id> inodes;
  for (const auto& path : what.paths)
    if (auto ordered = order_conversion(**masters, path, begun); !ordered || !what.wait)
      all.add(path, ordered, "begun", " is being converted; 'dfs convert' shows how far it is");
  if (!what.wait)
    return all.finish();
  for (const auto& [path, each] : begun)
    inodes.insert(each.inode);
  if (auto over = wait_until_over(with, **masters, inodes); !over)
    return report_error(over.error());
  for (const auto& [path, each] : begun)
    all.add(path, check_converted(**masters, path, each), "converted",
            ": all files are stored as the policies of their directories say");
  return all.finish();
}

int begin_conversion(context& with, const std::string& path) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  std::vector<std::pair<std::string, conversion>> begun;
  auto ordered = order_conversion(**masters, path, begun);
  return ordered ? done : report_error(ordered.error());
}

} // namespace dfs::cli
