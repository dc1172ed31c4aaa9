#include "cli/commands.hpp"
#include "cli/file_attributes.hpp"
#include "cli/get_file.hpp"
#include "cli/local_file.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/remote_path.hpp"
#include "cli/transfer_tally.hpp"
#include "cli/transfer_threads.hpp"
#include "client/paths.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

namespace dfs::cli {

namespace {

namespace fs = std::filesystem;
using atl::errc;
using atl::fail;

/// A source after it was examined.
struct get_source {
  std::string path;
  responses::entry entry;

  bool is_directory() const { return entry.attributes.type == inode_type::directory; }
};

atl::result<get_source> examine_source(file_client& files, const std::string& path,
                                       const get_arguments& what) {
  auto entry = stat_path(files.masters(), path);
  if (!entry)
    return tl::unexpected{entry.error()};
  get_source source{path, std::move(*entry)};
  if (source.is_directory() && (!what.recursive || what.local == "-"))
    return fail(errc::invalid, path + " is a directory: read it with -r, into a folder");
  return source;
}

atl::result<std::vector<responses::entry>> entries_of(file_client& files, const std::string& path) {
  std::vector<responses::entry> entries;
  auto listed = files.list(path, [&](auto& entry) {
    entries.push_back(entry);
    return true;
  });
  if (!listed)
    return tl::unexpected{listed.error()};
  return entries;
}

/// Reads the sources of a command.
class getting {
 public:
  /// @param part of each file
  getting(const context& with, file_client& files, const get_arguments& what, progress_bar& bar,
          transfer_tally& tally, const byte_range& part)
      : with_{with}, files_{files}, what_{what}, bar_{bar}, tally_{tally}, part_{part},
        threads_{what.transfers} {}

  void get(const std::string& remote, const responses::entry& entry, const std::string& local) {
    if (entry.attributes.type == inode_type::directory)
      get_directory(remote, entry.attributes, local);
    else if (entry.attributes.type == inode_type::file)
      get_file(remote, entry, local);
    else
      get_other(remote, entry.attributes, local);
  }

  void wait() { threads_.wait(); }

 private:
  /// Reads a file, perhaps while the caller goes on.
  void get_file(const std::string& remote, const responses::entry& entry,
                const std::string& local) {
    threads_.run([this, remote, entry, local] {
      if (tally_.has_given_up())
        return;
      auto read = local == "-" ? files_.get(remote, write_to_output, {}, part_)
                               : get_into_file(with_, files_, what_, {remote, entry, local, part_},
                                               bar_.begin_file(remote));
      bar_.end_file(remote, read.value_or(0));
      if (read)
        tally_.succeed(*read);
      else
        tally_.fail(read.error());
    });
  }

  /// Makes a symbolic link, pipe, socket or device as it was stored.
  void get_other(const std::string& remote, const inode_attributes& attributes,
                 const std::string& local) {
    if (!what_.archive || local == "-")
      return print_error("dfs: left out {}: neither a file nor a directory; -a makes it as it was "
                         "stored\n",
                         atl::printable(remote));
    auto target = attributes.type == inode_type::symlink ? read_link(files_.masters(), remote)
                                                         : atl::result<std::string>{std::string{}};
    if (!target)
      return tally_.fail(target.error());
    auto made = make_special(local, attributes, *target);
    if (made && what_.preserve)
      made = apply_attributes(local, attributes);
    if (!made)
      tally_.fail(made.error());
  }

  void get_directory(const std::string& remote, const inode_attributes& attributes,
                     const fs::path& local) {
    std::error_code problem;
    fs::create_directories(local, problem);
    if (problem)
      return tally_.fail(atl::system_error(problem.value(), "making the folder " + local.string()));
    auto entries = entries_of(files_, remote);
    if (!entries)
      return tally_.fail(entries.error());
    for (auto& entry : *entries) {
      if (tally_.has_given_up())
        return;
      get_entry(entry, remote, local);
    }
    if (!what_.preserve)
      return;
    threads_.wait(); // a folder's time changes with each entry
    if (auto applied = apply_attributes(local.string(), attributes); !applied)
      tally_.fail(applied.error());
  }

  void get_entry(const responses::entry& entry, const std::string& remote, const fs::path& local) {
    if (!is_plain_name(entry.name))
      return tally_.fail({errc::corrupt, fmt::format("a master says that there is an entry '{}' in "
                                                     "{}, which can't be a name",
                                                     entry.name, remote)});
    auto from = join_path(remote, entry.name);
    auto to = local / entry.name;
    get(from, entry, to.string());
  }

  const context& with_;
  file_client& files_;
  const get_arguments& what_;
  progress_bar& bar_;
  transfer_tally& tally_;
  const byte_range part_;
  transfer_threads threads_; ///< at last, because its work uses the others
};

/// @param written `A-B`, `A-`, or empty. Errors: invalid.
atl::result<byte_range> parse_range(const std::string& written) {
  byte_range range;
  if (written.empty())
    return range;
  std::uint64_t last = 0;
  auto end = written.data() + written.size();
  auto [dash, problem] = std::from_chars(written.data(), end, range.offset);
  auto has_begin = problem == std::errc{} && dash != end && *dash == '-';
  if (has_begin && dash + 1 == end)
    return range;
  if (has_begin) {
    auto [rest, bad_end] = std::from_chars(dash + 1, end, last);
    auto is_range = bad_end == std::errc{} && rest == end && last >= range.offset &&
                    last - range.offset < range.length;
    if (is_range) {
      range.length = last - range.offset + 1;
      return range;
    }
  }
  return fail(errc::invalid, fmt::format("--range {}: expected the first and the last byte, such "
                                         "as 0-99, or the first one alone, such as 100-",
                                         written));
}

/// Sums up the files of a directory. Leaves out directories that can't be listed, which the
/// transfer reports.
void add_size(file_client& files, const std::string& path, transfer_size& total) {
  auto entries = entries_of(files, path);
  if (!entries)
    return;
  for (auto& entry : *entries) {
    if (entry.attributes.type == inode_type::directory) {
      add_size(files, join_path(path, entry.name), total);
      continue;
    }
    ++total.files;
    total.bytes += entry.attributes.size_bytes;
  }
}

transfer_size count(file_client& files, const std::vector<get_source>& sources) {
  transfer_size total;
  for (auto& source : sources) {
    if (source.is_directory()) {
      add_size(files, source.path, total);
      continue;
    }
    ++total.files;
    total.bytes += source.entry.attributes.size_bytes;
  }
  return total;
}

/// Is the target a folder to put the sources into?
atl::result<bool> goes_into(const get_arguments& what) {
  if (what.local == "-") {
    if (what.remote.size() > 1)
      return fail(errc::invalid, "several files can't be told apart on standard output: 'dfs cat' "
                                 "writes them one after the other");
    return false;
  }
  auto kind = find_local_kind(what.local);
  if (!kind)
    return tl::unexpected{kind.error()};
  if (*kind != local_kind::folder && what.remote.size() > 1)
    return fail(*kind == local_kind::missing ? errc::not_found : errc::refused,
                what.local + " is no folder: several sources need one");
  return *kind == local_kind::folder;
}

} // namespace

int get(context& with, const get_arguments& what) {
  auto into = goes_into(what);
  if (!into)
    return report_error(into.error());
  auto part = parse_range(what.range);
  if (!part)
    return report_error(part.error());
  if (!what.range.empty() && (what.recursive || what.remote.size() > 1))
    return report_error({errc::invalid, "--range is of one file: leave out -r, and name one"});
  if (what.resume && (!what.range.empty() || what.local == "-"))
    return report_error({errc::invalid, "--resume is of whole files, into files: leave out "
                                        "--range, and name a file or folder instead of -"});
  auto files = with.files();
  if (!files)
    return report_error(files.error());
  transfer_tally tally;
  std::vector<get_source> sources;
  for (auto& path : what.remote) {
    auto source = examine_source(**files, path, what);
    if (source)
      sources.push_back(std::move(*source));
    else
      tally.fail(source.error());
    if (tally.has_given_up())
      return tally.code();
  }
  {
    progress_bar bar{with, shows_progress(with) ? count(**files, sources) : transfer_size{}};
    getting all{with, **files, what, bar, tally, *part};
    for (auto& source : sources) {
      if (tally.has_given_up())
        break;
      auto local =
          *into ? fs::path{what.local} / last_component(source.path) : fs::path{what.local};
      all.get(source.path, source.entry, local.string());
    }
    all.wait();
  }
  with.note_staleness((*files)->masters());
  return what.local == "-" ? tally.code() : tally.finish(with, "read");
}

int cat(context& with, const std::vector<std::string>& paths, const byte_range& part) {
  auto files = with.files();
  if (!files)
    return report_error(files.error());
  transfer_tally tally;
  for (auto& path : paths) {
    auto read = (*files)->get(path, write_to_output, {}, part);
    if (read)
      tally.succeed(*read);
    else
      tally.fail(read.error());
    if (tally.has_given_up())
      break;
  }
  with.note_staleness((*files)->masters());
  return tally.code();
}

} // namespace dfs::cli
