#include "cli/commands.hpp"
#include "cli/local_file.hpp"
#include "cli/local_tree.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/remote_path.hpp"
#include "cli/transfer_tally.hpp"
#include "client/paths.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>

#include <filesystem>

namespace dfs::cli {

namespace {

namespace fs = std::filesystem;
using atl::errc;
using atl::fail;

/// A source after it was examined.
struct put_source {
  std::string path; ///< `-`: standard input
  bool is_folder = false;
};

/// The name that a source gets in a remote directory. A link keeps its own name.
std::string name_of(const std::string& path) {
  auto name = last_component(path);
  if (is_plain_name(name))
    return name;
  std::error_code problem; // `.`, `..` or `/`
  return fs::canonical(path, problem).filename().string();
}

atl::status check_source(const put_source& source, bool is_alone) {
  if (source.path == "-" && !is_alone)
    return fail(errc::invalid, "standard input has no name to store it by: give it a command of "
                               "its own, with the whole target");
  return {};
}

atl::result<put_source> examine_source(const std::string& path, bool recursive) {
  if (path == "-")
    return put_source{path};
  auto kind = find_local_kind(path);
  if (!kind)
    return tl::unexpected{kind.error()};
  if (*kind == local_kind::missing)
    return fail(errc::not_found, path + ": no such file or folder");
  if (*kind == local_kind::folder && !recursive)
    return fail(errc::invalid, path + " is a folder: store it with -r");
  return put_source{path, *kind == local_kind::folder};
}

/// Stores the sources of a command.
class putting {
 public:
  putting(file_client& files, const put_arguments& what, progress_bar& bar, transfer_tally& tally)
      : files_{files}, what_{what}, bar_{bar}, tally_{tally} {}

  void put_file(const std::string& local, const std::string& remote) {
    auto stored = try_to_put_file(local, remote);
    bar_.end_file(stored.value_or(0));
    if (stored)
      tally_.succeed(*stored);
    else
      tally_.fail(stored.error());
  }

  void put_folder(const std::string& local, const std::string& remote) {
    tree_visitor visitor;
    visitor.folder = [&](auto& relative) { return make_directory(below(remote, relative)); };
    visitor.file = [&](auto& path, auto& relative, auto) {
      put_file(path, below(remote, relative));
    };
    visitor.other = [](auto& path) {
      print_error("dfs: left out {}: neither a file nor a folder\n", atl::printable(path));
    };
    visitor.problem = [&](auto& problem) { tally_.fail(problem); };
    visitor.stop = [&] { return tally_.has_given_up(); };
    walk_tree(local, visitor);
  }

 private:
  static std::string below(const std::string& remote, const std::string& relative) {
    return relative.empty() ? remote : join_path(remote, relative);
  }

  bool make_directory(const std::string& remote) {
    auto made = run_make_directory(files_.masters(), remote, true);
    if (!made)
      tally_.fail(made.error());
    return made.has_value();
  }

  atl::result<std::uint64_t> try_to_put_file(const std::string& local, const std::string& remote) {
    auto source = open_source(local);
    if (!source)
      return tl::unexpected{source.error()};
    put_options options;
    options.overwrite = !what_.no_clobber;
    options.parents = what_.parents;
    options.size = source->size;
    options.mtime_ns = source->mtime_ns;
    options.progress = bar_.begin_file(remote);
    auto stored = files_.put(source->read, remote, options);
    if (!stored && local != "-")
      return fail(stored.error(), "storing " + local);
    return stored;
  }

  file_client& files_;
  const put_arguments& what_;
  progress_bar& bar_;
  transfer_tally& tally_;
};

transfer_size count(const std::vector<put_source>& sources) {
  transfer_size total;
  auto add = [&](std::uint64_t bytes) {
    ++total.files;
    total.bytes += bytes;
  };
  tree_visitor visitor;
  visitor.folder = [](auto&) { return true; };
  visitor.file = [&](auto&, auto&, auto bytes) { add(bytes); };
  visitor.other = [](auto&) {};
  visitor.problem = [](auto&) {};
  visitor.stop = [] { return false; };
  for (auto& source : sources) {
    if (source.is_folder) {
      walk_tree(source.path, visitor);
      continue;
    }
    std::error_code problem;
    auto bytes = source.path == "-" ? 0 : fs::file_size(source.path, problem);
    add(problem ? 0 : bytes);
  }
  return total;
}

/// Is the target a directory to put the sources into?
atl::result<bool> goes_into(file_client& files, const put_arguments& what) {
  auto several = what.local.size() > 1;
  auto there = stat_path(files.masters(), what.remote);
  if (there && there->attributes.type == inode_type::directory)
    return true;
  if (!there && there.error().code != errc::not_found)
    return tl::unexpected{there.error()};
  auto may_be_made = !there && what.parents;
  if (several && !may_be_made)
    return fail(there ? errc::refused : errc::not_found,
                fmt::format("{} is no directory: several sources need one", what.remote));
  return several || what.remote.ends_with('/');
}

} // namespace

int put(context& with, const put_arguments& what) {
  transfer_tally tally;
  std::vector<put_source> sources;
  for (auto& path : what.local) {
    auto source = examine_source(path, what.recursive);
    if (source)
      if (auto checked = check_source(*source, what.local.size() == 1); !checked)
        source = tl::unexpected{checked.error()};
    if (source)
      sources.push_back(std::move(*source));
    else
      tally.fail(source.error());
  }
  if (sources.empty())
    return tally.code();
  auto files = with.files();
  if (!files)
    return report_error(files.error());
  auto into = goes_into(**files, what);
  if (!into)
    return report_error(into.error());
  {
    progress_bar bar{with, shows_progress(with) ? count(sources) : transfer_size{}};
    putting all{**files, what, bar, tally};
    for (auto& source : sources) {
      if (tally.has_given_up())
        break;
      auto remote =
          *into && source.path != "-" ? join_path(what.remote, name_of(source.path)) : what.remote;
      if (source.is_folder)
        all.put_folder(source.path, remote);
      else
        all.put_file(source.path, remote);
    }
  }
  return tally.finish(with, "stored");
}

} // namespace dfs::cli
