#include "cli/commands.hpp"
#include "cli/local_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <unistd.h>
#include <vector>

namespace dfs::cli {

namespace {

namespace fs = std::filesystem;
using atl::errc;
using atl::fail;

std::string remote_join(std::string directory, const std::string& name) {
  if (!directory.ends_with('/'))
    directory += '/';
  return directory + name;
}

std::string remote_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.remove_suffix(1);
  return std::string{path.substr(path.rfind('/') + 1)};
}

void report(const context& with, std::string_view what, std::uint64_t files, std::uint64_t bytes) {
  if (with.json)
    fmt::print("{}\n", nlohmann::json{{"files", files}, {"bytes", bytes}}.dump());
  else if (!with.quiet && ::isatty(STDERR_FILENO))
    fmt::print(stderr, "{} {} file{}, {}\n", what, files, files == 1 ? "" : "s",
               human_bytes(bytes));
}

/// `remote` itself, or the place in it when it is a directory.
std::string target_for(file_client& files, const std::string& remote, const std::string& name) {
  auto there = files.masters().ask(questions::stat{remote});
  if (remote.ends_with('/') || (there && there->type == inode_type::directory))
    return remote_join(remote, name);
  return remote;
}

atl::result<std::uint64_t> put_file(context& with, file_client& files, const std::string& local,
                                    const std::string& remote, const put_arguments& what) {
  auto source = open_source(local);
  if (!source)
    return tl::unexpected{source.error()};
  put_options options;
  options.overwrite = !what.no_clobber;
  options.parents = what.parents;
  options.size_hint = source->size;
  options.mtime_us = source->mtime_us;
  options.progress = make_progress(with, remote);
  return files.put(source->read, remote, options);
}

int put_folder(context& with, file_client& files, const fs::path& local, const std::string& remote,
               const put_arguments& what) {
  if (auto made = files.masters().run(commands::mkdir{remote, true}); !made)
    return complain(made.error());
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::error_code problem;
  fs::recursive_directory_iterator it{local, problem};
  for (; !problem && it != fs::recursive_directory_iterator{}; it.increment(problem)) {
    auto target = remote_join(remote, it->path().lexically_relative(local).generic_string());
    if (it->is_directory()) {
      if (auto made = files.masters().run(commands::mkdir{target, true}); !made)
        return complain(made.error());
    } else if (it->is_regular_file()) {
      auto stored = put_file(with, files, it->path().string(), target, what);
      if (!stored)
        return complain(stored.error());
      ++count;
      bytes += *stored;
    } else {
      fmt::print(stderr, "dfs: left out {}: neither a file nor a folder\n", it->path().string());
    }
  }
  if (problem)
    return complain(
        {errc::io, fmt::format("reading the folder {}: {}", local.string(), problem.message())});
  report(with, "stored", count, bytes);
  return done;
}

atl::result<std::uint64_t> get_file(context& with, file_client& files, const std::string& remote,
                                    const std::string& local) {
  if (local == "-")
    return files.get(remote, write_to(STDOUT_FILENO, "standard output"));
  auto file = local_file::create(local);
  if (!file)
    return tl::unexpected{file.error()};
  auto read = files.get(remote, file->sink(), make_progress(with, remote));
  if (!read)
    return read;
  if (auto kept = file->keep(); !kept)
    return tl::unexpected{kept.error()};
  return read;
}

int get_directory(context& with, file_client& files, const std::string& remote,
                  const fs::path& local, std::uint64_t& count, std::uint64_t& bytes) {
  std::error_code problem;
  fs::create_directories(local, problem);
  if (problem)
    return complain({errc::io, fmt::format("making {}: {}", local.string(), problem.message())});
  std::vector<answers::entry> entries;
  auto listed = files.list(remote, [&](auto& entry) {
    entries.push_back(entry);
    return true;
  });
  if (!listed)
    return complain(listed.error());
  for (auto& entry : entries) {
    auto from = remote_join(remote, entry.name);
    auto to = local / entry.name;
    if (entry.type == inode_type::directory) {
      if (auto code = get_directory(with, files, from, to, count, bytes); code != done)
        return code;
      continue;
    }
    auto read = get_file(with, files, from, to.string());
    if (!read)
      return complain(read.error());
    ++count;
    bytes += *read;
  }
  return done;
}

} // namespace

int put(context& with, const put_arguments& what) {
  if (what.local != "-" && fs::is_directory(what.local) && !what.recursive)
    return complain({errc::invalid, what.local + " is a folder: store it with -r"});
  if (what.local != "-" && !fs::exists(what.local))
    return complain({errc::not_found, what.local + ": no such file or folder"});
  auto files = with.files();
  if (!files)
    return complain(files.error());
  if (what.local != "-" && fs::is_directory(what.local)) {
    auto folder = fs::canonical(what.local);
    return put_folder(with, **files, folder,
                      target_for(**files, what.remote, folder.filename().string()), what);
  }
  auto target = what.local == "-"
                    ? what.remote
                    : target_for(**files, what.remote, fs::path{what.local}.filename().string());
  auto stored = put_file(with, **files, what.local, target, what);
  if (!stored)
    return complain(stored.error());
  report(with, "stored", 1, *stored);
  return done;
}

int get(context& with, const get_arguments& what) {
  auto files = with.files();
  if (!files)
    return complain(files.error());
  auto entry = (*files)->masters().ask(questions::stat{what.remote});
  if (!entry)
    return complain(entry.error());
  auto local = fs::path{what.local.empty() ? "." : what.local};
  auto name = remote_name(what.remote);
  if (entry->type == inode_type::directory) {
    if (!what.recursive || what.local == "-")
      return complain({errc::invalid, what.remote + " is a directory: read it with -r, into a "
                                                    "folder"});
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    if (fs::is_directory(local))
      local /= name;
    auto code = get_directory(with, **files, what.remote, local, count, bytes);
    if (code == done)
      report(with, "read", count, bytes);
    return code;
  }
  if (what.local != "-" && fs::is_directory(local))
    local /= name;
  auto read = get_file(with, **files, what.remote, what.local == "-" ? "-" : local.string());
  if (!read)
    return complain(read.error());
  if (what.local != "-")
    report(with, "read", 1, *read);
  return done;
}

int cat(context& with, const std::string& remote) {
  auto files = with.files();
  if (!files)
    return complain(files.error());
  auto read = (*files)->get(remote, write_to(STDOUT_FILENO, "standard output"));
  return read ? done : complain(read.error());
}

} // namespace dfs::cli
