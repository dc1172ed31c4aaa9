#include "cli/commands.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dfs::cli {

namespace {

using nlohmann::json;

json describe(const answers::entry& entry) {
  auto is_file = entry.type == inode_type::file;
  json out{{"name", entry.name},
           {"type", is_file ? "file" : "directory"},
           {"inode", entry.inode},
           {"mtime_us", entry.mtime_us},
           {"version", entry.version}};
  if (is_file)
    out["bytes"] = entry.size_bytes;
  else
    out["entries"] = entry.entries;
  return out;
}

void print_line(const answers::entry& entry) {
  auto is_file = entry.type == inode_type::file;
  fmt::print("{} {:>12} {} {}{}\n", is_file ? '-' : 'd', is_file ? entry.size_bytes : entry.entries,
             human_time(entry.mtime_us), entry.name, is_file ? "" : "/");
}

std::string last_component(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.remove_suffix(1);
  return std::string{path.substr(path.rfind('/') + 1)};
}

std::string join(std::string directory, const std::string& name) {
  if (!directory.ends_with('/'))
    directory += '/';
  return directory + name;
}

/// A file is listed like a directory with one entry.
int list_one(context& with, control& masters, const std::string& path, bool with_details) {
  auto entry = masters.ask(questions::stat{path});
  if (!entry)
    return complain(entry.error());
  if (with.json)
    fmt::print("{}\n", json::array({describe(*entry)}).dump());
  else if (with_details)
    print_line(*entry);
  else
    fmt::print("{}\n", entry->name);
  return done;
}

} // namespace

int list(context& with, const std::string& path, bool with_details) {
  auto masters = with.masters();
  if (!masters)
    return complain(masters.error());
  auto entry = (*masters)->ask(questions::stat{path});
  if (!entry)
    return complain(entry.error());
  if (entry->type == inode_type::file)
    return list_one(with, **masters, path, with_details);
  auto all = json::array();
  std::string after;
  for (;;) {
    auto page = (*masters)->ask(questions::list{path, after, 0});
    if (!page)
      return complain(page.error());
    for (auto& each : page->entries) {
      if (with.json)
        all.push_back(describe(each));
      else if (with_details)
        print_line(each);
      else
        fmt::print("{}{}\n", each.name, each.type == inode_type::directory ? "/" : "");
    }
    if (!page->more || page->entries.empty())
      break;
    after = page->entries.back().name;
  }
  if (with.json)
    fmt::print("{}\n", all.dump());
  return done;
}

int stat(context& with, const std::string& path) {
  auto masters = with.masters();
  if (!masters)
    return complain(masters.error());
  auto entry = (*masters)->ask(questions::stat{path});
  if (!entry)
    return complain(entry.error());
  auto out = describe(*entry);
  out["path"] = path;
  if (entry->type == inode_type::file) {
    out["chunks"] = json::array();
    std::uint32_t from = 0;
    for (;;) {
      auto page = (*masters)->ask(questions::open{path, from});
      if (!page)
        return complain(page.error());
      out["inline"] = page->extents_total == 0;
      for (auto& extent : page->extents)
        out["chunks"].push_back({{"chunk", to_string(extent.chunk.id)},
                                 {"bytes", extent.length_bytes},
                                 {"storages", extent.chunk.nodes}});
      from += static_cast<std::uint32_t>(page->extents.size());
      if (!page->more || page->extents.empty())
        break;
    }
  }
  if (with.json) {
    fmt::print("{}\n", out.dump());
    return done;
  }
  auto is_file = entry->type == inode_type::file;
  fmt::print("path     {}\ntype     {}\ninode    {}\nchanged  {}\nversion  {}\n", path,
             is_file ? "file" : "directory", entry->inode, human_time(entry->mtime_us),
             entry->version);
  if (!is_file) {
    fmt::print("entries  {}\n", entry->entries);
    return done;
  }
  fmt::print("size     {} ({} bytes)\n", human_bytes(entry->size_bytes), entry->size_bytes);
  if (out["inline"] == true)
    fmt::print("content  in the name space\n");
  for (auto& chunk : out["chunks"])
    fmt::print("chunk    {} {:>10} bytes on storage nodes {}\n", chunk["chunk"].get<std::string>(),
               chunk["bytes"].get<std::uint64_t>(), chunk["storages"].dump());
  return done;
}

int mkdir(context& with, const std::string& path, bool parents) {
  auto masters = with.masters();
  if (!masters)
    return complain(masters.error());
  auto made = (*masters)->run(commands::mkdir{path, parents});
  return made ? done : complain(made.error());
}

int move(context& with, const std::string& from, const std::string& to, bool no_clobber) {
  auto masters = with.masters();
  if (!masters)
    return complain(masters.error());
  auto target = to;
  // Into a directory, as mv does; a trailing slash says that it must be one.
  if (auto there = (*masters)->ask(questions::stat{to});
      there && there->type == inode_type::directory && from != to)
    target = join(to, last_component(from));
  auto moved = (*masters)->run(commands::rename{from, target, !no_clobber});
  return moved ? done : complain(moved.error());
}

int remove(context& with, const std::string& path, bool recursive) {
  auto masters = with.masters();
  if (!masters)
    return complain(masters.error());
  auto removed = (*masters)->run(commands::remove{path, recursive});
  return removed ? done : complain(removed.error());
}

} // namespace dfs::cli
