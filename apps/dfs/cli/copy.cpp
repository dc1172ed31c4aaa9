#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/remote_path.hpp"
#include "client/paths.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using atl::status;

commands::new_inode inode_like(const inode_attributes& attributes) {
  return {attributes.type,   attributes.mode,     attributes.uid,     attributes.gid,
          attributes.device, attributes.atime_ns, attributes.mtime_ns};
}

/// Copies by names alone: the copy of a file has the same chunks.
class copying {
 public:
  copying(control& masters, const copy_arguments& what) : masters_{masters}, what_{what} {}

  status copy(const std::string& from, const std::string& to) {
    auto entry = stat_path(masters_, from);
    if (!entry)
      return tl::unexpected{entry.error()};
    auto type = entry->attributes.type;
    if (type != inode_type::directory)
      return copy_entry(from, to, type == inode_type::file || type == inode_type::symlink);
    if (!what_.recursive)
      return fail(errc::invalid, from + " is a directory: copy it with -r");
    if (to == from || to.starts_with(from.ends_with('/') ? from : from + '/'))
      return fail(errc::invalid, fmt::format("{} can't be copied into itself, to {}", from, to));
    return copy_directory(from, entry->attributes, to);
  }

 private:
  status copy_directory(const std::string& from, const inode_attributes& attributes,
                        const std::string& to) {
    auto inode = inode_like(attributes);
    inode.mtime_ns.reset();
    if (auto made = run_make_directory(masters_, to, true, inode); !made)
      return tl::unexpected{made.error()};
    auto where = place_of(from);
    std::string after;
    for (;;) {
      auto page = masters_.query(queries::list{*where, after, 0});
      if (!page)
        return tl::unexpected{page.error()};
      for (auto& entry : page->entries)
        if (auto copied = copy(join_path(from, entry.name), join_path(to, entry.name)); !copied)
          return copied;
      if (!page->more || page->entries.empty())
        return {};
      after = page->entries.back().name;
    }
  }

  /// The copy appears with all of its content.
  status copy_entry(const std::string& from, const std::string& to, bool has_content) {
    auto source = place_of(from);
    auto target = new_place(to);
    if (!source || !target)
      return tl::unexpected{source ? target.error() : source.error()};
    commands::make wanted;
    wanted.where = *target;
    wanted.existing =
        what_.no_clobber ? commands::make::if_exists::refuse : commands::make::if_exists::replace;
    auto described =
        has_content ? describe_content(from, *source, wanted) : describe_special(*source, wanted);
    if (!described)
      return described;
    auto made = masters_.run(std::move(wanted));
    if (!made)
      return fail(made.error(), "copying " + from);
    return {};
  }

  status describe_special(const place& source, commands::make& wanted) {
    auto entry = masters_.query(queries::stat{source});
    if (!entry)
      return tl::unexpected{entry.error()};
    wanted.inode = inode_like(entry->attributes);
    return {};
  }

  status describe_content(const std::string& from, const place& source, commands::make& wanted) {
    std::uint64_t offset = 0;
    std::optional<std::pair<inode_id, std::uint64_t>> seen;
    for (;;) {
      auto page = masters_.query(queries::open{source, offset});
      if (!page)
        return tl::unexpected{page.error()};
      std::pair version{page->inode, page->attributes.data_version};
      if (seen.value_or(version) != version)
        return fail(errc::refused, from + " was changed while it was copied; copy it again");
      seen = version;
      wanted.inode = inode_like(page->attributes);
      if (page->attributes.type == inode_type::file)
        wanted.size_bytes = page->attributes.size_bytes;
      for (auto& part : page->pieces)
        wanted.content.push_back(std::move(part));
      if (wanted.content.size() > limits::pieces_per_command_max)
        return fail(errc::refused,
                    fmt::format("{} has more than {} pieces, the most that a copy may have: read "
                                "it and store it again",
                                from, limits::pieces_per_command_max));
      if (!page->more || page->pieces.empty())
        return {};
      offset = wanted.content.back().offset_bytes + wanted.content.back().length_bytes;
    }
  }

  control& masters_;
  const copy_arguments& what_;
};

atl::result<bool> goes_into(control& masters, const copy_arguments& what) {
  auto there = stat_path(masters, what.to);
  auto is_directory = there && there->attributes.type == inode_type::directory;
  if (what.from.size() > 1 && !is_directory)
    return fail(there ? errc::refused : errc::not_found,
                what.to + " is no directory: several sources need one");
  return is_directory;
}

} // namespace

int copy(context& with, const copy_arguments& what) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto into = goes_into(**masters, what);
  if (!into)
    return report_error(into.error());
  int code = done;
  copying all{**masters, what};
  for (auto& from : what.from) {
    auto copied = all.copy(from, *into ? join_path(what.to, last_component(from)) : what.to);
    if (copied)
      continue;
    auto failure = report_error(copied.error());
    code = code == done ? failure : code;
  }
  return code;
}

} // namespace dfs::cli
