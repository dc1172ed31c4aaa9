#include "cli/commands.hpp"
#include "cli/local_file.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/remote_path.hpp"
#include "cli/transfer_tally.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <system_error>

namespace dfs::cli {

namespace {

namespace fs = std::filesystem;
using atl::errc;
using atl::fail;

/// A source after it was examined.
struct get_source {
  std::string path;
  bool is_directory = false;
  std::uint64_t bytes = 0;
};

atl::result<get_source> examine_source(file_client& files, const std::string& path,
                                       const get_arguments& what) {
  auto entry = files.masters().query(queries::stat{path});
  if (!entry)
    return tl::unexpected{entry.error()};
  auto is_directory = entry->type == inode_type::directory;
  if (is_directory && (!what.recursive || what.local == "-"))
    return fail(errc::invalid, path + " is a directory: read it with -r, into a folder");
  return get_source{path, is_directory, entry->size_bytes};
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
  getting(file_client& files, progress_bar& bar, transfer_tally& tally, const byte_range& part)
      : files_{files}, bar_{bar}, tally_{tally}, part_{part} {}

  void get_file(const std::string& remote, const std::string& local) {
    auto read =
        local == "-" ? files_.get(remote, write_to_output, {}, part_) : into_file(remote, local);
    bar_.end_file(read.value_or(0));
    if (read)
      tally_.succeed(*read);
    else
      tally_.fail(read.error());
  }

  void get_directory(const std::string& remote, const fs::path& local) {
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
  }

 private:
  void get_entry(const responses::entry& entry, const std::string& remote, const fs::path& local) {
    if (!is_plain_name(entry.name))
      return tally_.fail({errc::corrupt, fmt::format("a master says that there is an entry '{}' in "
                                                     "{}, which can't be a name",
                                                     entry.name, remote)});
    auto from = join_path(remote, entry.name);
    auto to = local / entry.name;
    if (entry.type == inode_type::directory)
      get_directory(from, to);
    else
      get_file(from, to.string());
  }

  atl::result<std::uint64_t> into_file(const std::string& remote, const std::string& local) {
    auto file = local_file::create(local);
    if (!file)
      return tl::unexpected{file.error()};
    auto read = files_.get(remote, file->sink(), bar_.begin_file(remote), part_);
    if (!read)
      return read;
    if (auto kept = file->keep(); !kept)
      return tl::unexpected{kept.error()};
    return read;
  }

  file_client& files_;
  progress_bar& bar_;
  transfer_tally& tally_;
  const byte_range part_;
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
    if (entry.type == inode_type::directory) {
      add_size(files, join_path(path, entry.name), total);
      continue;
    }
    ++total.files;
    total.bytes += entry.size_bytes;
  }
}

transfer_size count(file_client& files, const std::vector<get_source>& sources) {
  transfer_size total;
  for (auto& source : sources) {
    if (source.is_directory) {
      add_size(files, source.path, total);
      continue;
    }
    ++total.files;
    total.bytes += source.bytes;
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
    getting all{**files, bar, tally, *part};
    for (auto& source : sources) {
      if (tally.has_given_up())
        break;
      auto local =
          *into ? fs::path{what.local} / last_component(source.path) : fs::path{what.local};
      if (source.is_directory)
        all.get_directory(source.path, local);
      else
        all.get_file(source.path, local.string());
    }
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
