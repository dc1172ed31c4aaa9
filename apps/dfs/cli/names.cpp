#include "cli/chunk_places.hpp"
#include "cli/commands.hpp"
#include "cli/file_attributes.hpp"
#include "cli/output.hpp"
#include "cli/remote_path.hpp"
#include "client/paths.hpp"

#include <atoll/core/quantity.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace dfs::cli {

namespace {

using atl::errc;
using nlohmann::json;

json describe(const responses::entry& entry) {
  auto is_file = entry.attributes.type == inode_type::file;
  json out{{"name", entry.name},
           {"type", is_file ? "file" : "directory"},
           {"inode", entry.inode},
           {"mtime_ns", entry.attributes.mtime_ns},
           {"version", entry.attributes.version}};
  if (is_file)
    out["bytes"] = entry.attributes.size_bytes;
  else
    out["entries"] = entry.attributes.entries;
  return out;
}

/// One line. A terminal gets ASCII alone, in which control characters are escaped.
void print_json(const json& document) {
  print("{}\n", document.dump(-1, ' ', is_output_terminal(), json::error_handler_t::replace));
}

/// Calls `call` with the masters for each path, also after a failure.
/// @returns the code of the first failure.
template <class Call>
int for_each_path(context& with, const std::vector<std::string>& paths, Call call) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  int code = done;
  for (auto& path : paths) {
    if (has_output_failed())
      break;
    auto outcome = call(**masters, path);
    if (outcome)
      continue;
    auto failure = report_error(outcome.error());
    code = code == done ? failure : code;
  }
  with.note_staleness(**masters);
  return code;
}

// -- ls ---------------------------------------------------------------------------------------

class lister {
 public:
  lister(context& with, const list_arguments& what) : with_{with}, what_{what} {}

  /// A file is listed like a directory with one entry.
  atl::status list(control& masters, const std::string& path) {
    masters_ = &masters;
    auto entry = stat_path(masters, path);
    if (!entry)
      return tl::unexpected{entry.error()};
    all_ = json::array();
    auto is_directory = entry->attributes.type == inode_type::directory;
    if (is_directory && what_.paths.size() > 1 && !with_.json)
      print("{}{}:\n", any_ ? "\n" : "", display_name(path));
    any_ = true;
    if (!is_directory)
      show(*entry);
    else if (auto listed = list_directory(masters, path); !listed)
      return listed;
    if (with_.json)
      print_json(all_);
    return {};
  }

 private:
  atl::status list_directory(control& masters, const std::string& path) {
    auto where = place_of(path);
    if (!where)
      return tl::unexpected{where.error()};
    std::string after;
    while (!has_output_failed()) {
      auto page = masters.query(queries::list{*where, after, 0});
      if (!page)
        return tl::unexpected{page.error()};
      for (auto& entry : page->entries)
        show(entry);
      if (!page->more || page->entries.empty())
        break;
      after = page->entries.back().name;
    }
    return {};
  }

  void show(const responses::entry& entry) {
    if (with_.json)
      return all_.push_back(describe(entry));
    auto& of = entry.attributes;
    auto is_directory = of.type == inode_type::directory;
    if (what_.details)
      print("{} {:>3} {:<8} {:<8} {:>12} {} ", mode_text(of), of.links,
            what_.numeric_ids ? fmt::to_string(of.uid) : user_text(of.uid),
            what_.numeric_ids ? fmt::to_string(of.gid) : group_text(of.gid),
            !is_directory && what_.human_sizes
                ? human_bytes(of.size_bytes)
                : fmt::to_string(is_directory ? of.entries : of.size_bytes),
            human_time(of.mtime_ns / 1000));
    print("{}{}{}\n", display_name(entry.name), is_directory ? "/" : "",
          what_.details && of.type == inode_type::symlink ? link_text(entry) : std::string{});
  }

  /// " -> target"
  std::string link_text(const responses::entry& entry) {
    auto opened = masters_->query(queries::open{{entry.inode, {}}, 0});
    auto* target = opened && opened->pieces.size() == 1
                       ? std::get_if<std::string>(&opened->pieces.front().content)
                       : nullptr;
    return target ? " -> " + display_name(*target) : std::string{};
  }

  context& with_;
  const list_arguments& what_;
  control* masters_ = nullptr;
  json all_;
  bool any_ = false;
};

// -- stat -------------------------------------------------------------------------------------

/// Adds the places of a file's content to its description.
atl::status describe_chunks(control& masters, const std::string& path, json& out,
                            std::optional<storage_names>& names) {
  out["chunks"] = json::array();
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  std::uint64_t from = 0;
  std::uint64_t inline_bytes = 0;
  for (;;) {
    auto page = masters.query(queries::open{*where, from});
    if (!page)
      return tl::unexpected{page.error()};
    auto in_chunks = std::ranges::any_of(page->pieces, [](const piece& part) {
      return std::holds_alternative<chunk_part>(part.content);
    });
    if (in_chunks && !names) {
      auto found = find_storage_names(masters);
      if (!found)
        return tl::unexpected{found.error()};
      names = std::move(*found);
    }
    for (auto& part : page->pieces)
      if (std::holds_alternative<chunk_part>(part.content))
        out["chunks"].push_back(describe_chunk(part, *names));
      else
        inline_bytes += part.length_bytes;
    out["inline"] = out["chunks"].empty();
    out["inline_bytes"] = inline_bytes;
    if (!page->more || page->pieces.empty())
      return {};
    from = page->pieces.back().offset_bytes + page->pieces.back().length_bytes;
  }
}

void print_description(const std::string& path, const responses::entry& entry, const json& out) {
  auto is_file = entry.attributes.type == inode_type::file;
  print("path     {}\ntype     {}\nmode     {} {} {}\ninode    {}\nchanged  {}\nversion  {}\n",
        display_name(path), type_text(entry.attributes.type), mode_text(entry.attributes),
        user_text(entry.attributes.uid), group_text(entry.attributes.gid), entry.inode,
        human_time(entry.attributes.mtime_ns / 1000), entry.attributes.version);
  if (out.contains("policy"))
    print("policy   {}\n", out["policy"].get<policy_id>());
  if (out.contains("trash_ms") && out["trash_ms"] > 0)
    print("trash    {}\n",
          atl::format_duration(std::chrono::milliseconds{out["trash_ms"].get<std::uint64_t>()}));
  if (out.contains("target"))
    print("target   {}\n", display_name(out["target"].get<std::string>()));
  if (!is_file && entry.attributes.type != inode_type::directory)
    return;
  if (!is_file)
    return print("entries  {}\n", entry.attributes.entries);
  print("size     {} ({} bytes)\n", human_bytes(entry.attributes.size_bytes),
        entry.attributes.size_bytes);
  if (out["inline"] == true)
    print("content  in the name space\n");
  for (auto& chunk : out["chunks"])
    print("chunk    {} {:>10} bytes {}\n", chunk["chunk"].get<std::string>(),
          chunk["bytes"].get<std::uint64_t>(), place_text(chunk));
}

/// The policy that holds at the path; none in a cluster without one.
std::optional<responses::effective_policy> policy_at(control& masters, const std::string& path) {
  auto where = place_of(path);
  if (!where)
    return std::nullopt;
  auto found = masters.query(queries::policy_of{*where, false});
  return found ? std::optional{std::move(*found)} : std::nullopt;
}

// -- mv ---------------------------------------------------------------------------------------

/// Is the target a directory to move the sources into, as with mv? With a trailing slash it must be
/// one.
atl::result<bool> goes_into(control& masters, const move_arguments& what) {
  auto there = stat_path(masters, what.to);
  auto is_directory = there && there->attributes.type == inode_type::directory;
  if (what.from.size() == 1)
    return is_directory && what.from.front() != what.to;
  if (!there)
    return tl::unexpected{there.error()};
  if (!is_directory)
    return atl::fail(errc::refused, what.to + " is no directory: several sources need one");
  return true;
}

atl::result<responses::changed> rename_path(control& masters, const std::string& from,
                                            const std::string& to, bool no_clobber) {
  auto source = place_of(from);
  if (!source)
    return tl::unexpected{source.error()};
  auto target = new_place(to);
  if (!target)
    return tl::unexpected{target.error()};
  using how = commands::rename::how;
  return masters.run(
      commands::rename{*source, *target, no_clobber ? how::no_replace : how::replace, {}});
}

atl::result<responses::changed> remove_path(control& masters, const std::string& path,
                                            bool recursive) {
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  commands::unlink gone;
  gone.where = std::move(*where);
  gone.recursive = recursive;
  return masters.run(std::move(gone));
}

} // namespace

int list(context& with, const list_arguments& what) {
  lister all{with, what};
  return for_each_path(with, what.paths, [&](control& masters, const std::string& path) {
    return all.list(masters, path);
  });
}

int stat(context& with, const std::vector<std::string>& paths) {
  auto is_first = true;
  std::optional<storage_names> names; ///< queried once, if a file has chunks
  auto show = [&](control& masters, const std::string& path) -> atl::status {
    auto entry = stat_path(masters, path);
    if (!entry)
      return tl::unexpected{entry.error()};
    auto out = describe(*entry);
    out["path"] = path;
    if (auto holds = policy_at(masters, path)) {
      out["policy"] = holds->id;
      if (entry->attributes.type == inode_type::directory) // it decides for what is in it
        out["trash_ms"] = holds->policy.trash_us / 1000;
    }
    if (entry->attributes.type == inode_type::symlink)
      if (auto target = read_link(masters, path))
        out["target"] = *target;
    if (entry->attributes.type == inode_type::file)
      if (auto described = describe_chunks(masters, path, out, names); !described)
        return described;
    if (with.json) {
      print_json(out);
      return {};
    }
    if (!is_first)
      print("\n");
    is_first = false;
    print_description(path, *entry, out);
    return {};
  };
  return for_each_path(with, paths, show);
}

int mkdir(context& with, const std::vector<std::string>& paths, bool parents) {
  return for_each_path(with, paths, [&](control& masters, const std::string& path) {
    return run_make_directory(masters, path, parents, own_inode(inode_type::directory));
  });
}

int move(context& with, const move_arguments& what) {
  auto into = atl::result<bool>{false};
  auto is_known = false;
  return for_each_path(with, what.from, [&](control& masters, const std::string& from) {
    if (!std::exchange(is_known, true))
      into = goes_into(masters, what);
    if (!into)
      return atl::result<responses::changed>{tl::unexpected{into.error()}};
    auto target = *into ? join_path(what.to, last_component(from)) : what.to;
    return rename_path(masters, from, target, what.no_clobber);
  });
}

int remove(context& with, const std::vector<std::string>& paths, bool recursive) {
  return for_each_path(with, paths, [&](control& masters, const std::string& path) {
    return remove_path(masters, path, recursive);
  });
}

} // namespace dfs::cli
