#include "cli/commands.hpp"
#include "cli/file_attributes.hpp"
#include "cli/local_file.hpp"
#include "cli/local_tree.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/remote_path.hpp"
#include "cli/transfer_tally.hpp"
#include "cli/transfer_threads.hpp"
#include "client/paths.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
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
  bool is_other = false; ///< a symbolic link, pipe, socket or device, to be stored as such
};

/// Is there something that is neither a file nor a folder, symbolic links not followed?
bool is_other(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode);
}

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

atl::result<put_source> examine_source(const std::string& path, const put_arguments& what) {
  if (path == "-")
    return put_source{path};
  if (what.archive && is_other(path))
    return put_source{path, false, true};
  auto kind = find_local_kind(path);
  if (!kind)
    return tl::unexpected{kind.error()};
  if (*kind == local_kind::missing)
    return fail(errc::not_found, path + ": no such file or folder");
  if (*kind == local_kind::folder && !what.recursive)
    return fail(errc::invalid, path + " is a folder: store it with -r");
  return put_source{path, *kind == local_kind::folder};
}

/// Stores the sources of a command.
class putting {
 public:
  putting(file_client& files, const put_arguments& what, progress_bar& bar, transfer_tally& tally)
      : files_{files}, what_{what}, bar_{bar}, tally_{tally}, threads_{what.transfers} {}

  /// Stores a file, perhaps while the caller goes on.
  void put_file(const std::string& local, const std::string& remote) {
    threads_.run([this, local, remote] {
      if (tally_.has_given_up())
        return;
      auto stored = try_to_put_file(local, remote);
      bar_.end_file(remote, stored.value_or(0));
      if (stored)
        tally_.succeed(*stored);
      else
        tally_.fail(stored.error());
    });
  }

  void put_folder(const std::string& local, const std::string& remote) {
    std::vector<std::string> folders; ///< by their relative paths
    tree_visitor visitor;
    visitor.follows_links = !what_.archive;
    visitor.folder = [&](auto& relative) {
      folders.push_back(relative);
      return make_directory(below(local, relative), below(remote, relative));
    };
    visitor.file = [&](auto& path, auto& relative, auto) {
      put_file(path, below(remote, relative));
    };
    visitor.other = [&](auto& path, auto& relative) { put_other(path, below(remote, relative)); };
    visitor.problem = [&](auto& problem) { tally_.fail(problem); };
    visitor.stop = [&] { return tally_.has_given_up(); };
    walk_tree(local, visitor);
    threads_.wait();
    // A directory's time changes with each entry, so it is set at last, and that of the outermost
    // directory after those in it.
    if (what_.preserve && !tally_.has_given_up())
      for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
        set_times(below(local, *folder), below(remote, *folder));
  }

  void wait() { threads_.wait(); }

  /// Stores a symbolic link, pipe, socket or device as such.
  void put_other(const std::string& local, const std::string& remote) {
    if (!what_.archive)
      return print_error("dfs: left out {}: neither a file nor a folder; -a stores it as it is\n",
                         atl::printable(local));
    auto made = try_to_put_other(local, remote);
    if (!made)
      tally_.fail(made.error());
  }

 private:
  static std::string below(const std::string& remote, const std::string& relative) {
    return relative.empty() ? remote : join_path(remote, relative);
  }

  bool make_directory(const std::string& local, const std::string& remote) {
    struct stat found {};
    auto inode = ::stat(local.c_str(), &found) == 0 ? inode_of(found, what_.preserve)
                                                    : own_inode(inode_type::directory);
    if (!what_.preserve)
      inode.mtime_ns.reset();
    auto made = run_make_directory(files_.masters(), remote, true, inode);
    if (!made)
      tally_.fail(made.error());
    return made.has_value();
  }

  void set_times(const std::string& local, const std::string& remote) {
    struct stat found {};
    auto where = place_of(remote);
    if (!where || ::stat(local.c_str(), &found) != 0)
      return; // reported before
    auto inode = inode_of(found, true);
    commands::set_attributes wanted;
    wanted.where = *where;
    wanted.mode = inode.mode;
    wanted.uid = inode.uid;
    wanted.gid = inode.gid;
    wanted.atime_ns = inode.atime_ns;
    wanted.mtime_ns = inode.mtime_ns;
    if (auto set = files_.masters().run(wanted); !set)
      tally_.fail(set.error());
  }

  atl::status try_to_put_other(const std::string& local, const std::string& remote) {
    struct stat found {};
    if (::lstat(local.c_str(), &found) != 0)
      return tl::unexpected{atl::system_error(errno, "looking at " + local)};
    auto where = new_place(remote);
    if (!where)
      return tl::unexpected{where.error()};
    commands::make wanted;
    wanted.where = *where;
    wanted.inode = inode_of(found, what_.preserve);
    wanted.existing =
        what_.no_clobber ? commands::make::if_exists::refuse : commands::make::if_exists::replace;
    wanted.parents = what_.parents;
    wanted.parents_mode = own_directory_mode();
    if (wanted.inode.type == inode_type::symlink) {
      std::error_code problem;
      auto target = fs::read_symlink(local, problem).string();
      if (problem)
        return tl::unexpected{
            atl::system_error(problem.value(), "reading the symbolic link " + local)};
      wanted.inode.mode = 0777;
      wanted.content.push_back({0, target.size(), target});
    }
    if (auto made = files_.masters().run(std::move(wanted)); !made)
      return fail(made.error(), "storing " + local);
    return {};
  }

  atl::result<std::uint64_t> try_to_put_file(const std::string& local, const std::string& remote) {
    auto source = open_source(local);
    if (!source)
      return tl::unexpected{source.error()};
    put_options options;
    options.overwrite = !what_.no_clobber;
    options.parents = what_.parents;
    options.size = source->size;
    options.read_at = source->read_at;
    options.inode =
        source->found ? inode_of(*source->found, what_.preserve) : own_inode(inode_type::file);
    options.parents_mode = own_directory_mode();
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
  transfer_threads threads_; ///< at last, because its work uses the others
};

transfer_size count(const std::vector<put_source>& sources, bool follows_links) {
  transfer_size total;
  auto add = [&](std::uint64_t bytes) {
    ++total.files;
    total.bytes += bytes;
  };
  tree_visitor visitor;
  visitor.folder = [](auto&) { return true; };
  visitor.file = [&](auto&, auto&, auto bytes) { add(bytes); };
  visitor.other = [](auto&, auto&) {};
  visitor.follows_links = follows_links;
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
    auto source = examine_source(path, what);
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
    progress_bar bar{with, shows_progress(with) ? count(sources, !what.archive) : transfer_size{}};
    putting all{**files, what, bar, tally};
    for (auto& source : sources) {
      if (tally.has_given_up())
        break;
      auto remote =
          *into && source.path != "-" ? join_path(what.remote, name_of(source.path)) : what.remote;
      if (source.is_folder)
        all.put_folder(source.path, remote);
      else if (source.is_other)
        all.put_other(source.path, remote);
      else
        all.put_file(source.path, remote);
    }
    all.wait();
  }
  return tally.finish(with, "stored");
}

} // namespace dfs::cli
