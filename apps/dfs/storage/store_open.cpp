// How a chunk store starts: folders, lock, removal of leftovers, and the scan of the stored
// fragments.
#include "storage/chunk_store.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/core/worker_threads.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <mutex>

namespace dfs {

namespace {

/// A disk that isn't in memory answers several readers sooner than one after the other.
constexpr unsigned scan_threads = 8;

tl::unexpected<atl::error> start_failed(int code, const std::string& what) {
  return tl::unexpected{atl::system_error(-code, what)};
}

/// Calls `scan` for each folder, in several threads. @returns the error of one that failed
atl::status scan_each(const std::vector<std::string>& folders,
                      const std::function<atl::status(const std::string&)>& scan) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  atl::status outcome;
  atl::run_on_threads(scan_threads, [&] {
    for (auto i = next++; i < folders.size(); i = next++)
      if (auto done = scan(folders[i]); !done) {
        std::lock_guard lock{mutex};
        outcome = std::move(done);
        next = folders.size();
      }
  });
  return outcome;
}

} // namespace

atl::result<std::unique_ptr<chunk_store>> chunk_store::open(store_options options, disk& on) {
  std::unique_ptr<chunk_store> store{new chunk_store{std::move(options), on}};
  if (auto done = store->prepare(); !done)
    return atl::fail(done.error(), "cannot open the chunk store " + store->options_.folder);
  return store;
}

atl::status chunk_store::prepare() {
  const auto& root = options_.folder;
  if (auto done = disk_.mkdir(root); done < 0)
    return start_failed(done, "cannot make the folder " + root);
  if (auto done = lock_folder(); !done)
    return done;
  constexpr int subfolders = 256;
  std::vector<std::string> folders;
  folders.reserve(subfolders);
  for (int i = 0; i < subfolders; ++i)
    folders.push_back(fmt::format("{}/{:02x}", root, i));
  auto all = folders;
  all.push_back(root + "/tmp");
  all.push_back(root + "/damaged");
  for (const auto& folder : all)
    if (auto done = disk_.mkdir(folder); done < 0)
      return start_failed(done, "cannot make the folder " + folder);
  // After a crash before this point, the next start creates the missing folders.
  for (const auto& folder : {root, std::filesystem::path{root}.parent_path().string()})
    if (auto done = disk_.fsync_dir(folder.empty() ? "." : folder); done < 0)
      return start_failed(done, "cannot sync the folder " + folder);
  if (auto done = read_failure_mark(); !done)
    return done;
  if (auto done = clear_temporaries(); !done)
    return done;
  if (auto done = count_damaged_files(); !done)
    return done;
  return scan_each(folders, [this](const std::string& folder) { return scan(folder); });
}

atl::status chunk_store::lock_folder() {
  auto path = options_.folder + "/lock";
  lock_file_ = disk_file{disk_, disk_.open(path, O_RDWR | O_CREAT)};
  if (!lock_file_)
    return start_failed(lock_file_.fd(), "cannot open " + path);
  auto done = disk_.lock(lock_file_.fd());
  if (done == -EWOULDBLOCK)
    return atl::fail(atl::errc::refused, "another process is using it; end that one first");
  return done < 0 ? start_failed(done, "cannot lock " + path) : atl::status{};
}

atl::status chunk_store::read_failure_mark() {
  auto path = options_.folder + "/failed";
  auto fd = disk_.open(path, O_RDONLY);
  if (fd == -ENOENT)
    return {};
  if (fd < 0)
    return start_failed(fd, "cannot read " + path);
  disk_file file{disk_, fd};
  std::string reason(512, '\0');
  auto got = read_fully(disk_, fd, reason.data(), reason.size(), 0);
  reason.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  failure_ = atl::error{
      atl::errc::io, fmt::format("the chunk store {} takes no writes since its disk failed before "
                                 "({}); check the disk, then remove {} and restart",
                                 options_.folder, reason, path)};
  atl::log::error("storage", options_.folder, "{}", failure_->message);
  return {};
}

atl::status chunk_store::clear_temporaries() {
  auto folder = options_.folder + "/tmp";
  std::vector<std::string> names;
  if (auto done = disk_.list(folder, names); done < 0)
    return start_failed(done, "cannot list " + folder);
  for (const auto& name : names)
    if (auto done = disk_.unlink(folder + "/" + name); done < 0)
      return start_failed(done, "cannot remove the unfinished " + folder + "/" + name);
  if (!names.empty())
    atl::log::info("storage", options_.folder, "removed {} unfinished writes", names.size());
  return {};
}

/// Finds the highest number of a file in `damaged/`, so that new files there get higher numbers.
atl::status chunk_store::count_damaged_files() {
  auto folder = options_.folder + "/damaged";
  std::vector<std::string> names;
  if (auto done = disk_.list(folder, names); done < 0)
    return start_failed(done, "cannot list " + folder);
  for (const auto& name : names) {
    auto digits = std::string_view{name}.substr(name.rfind('.') + 1);
    std::uint64_t number = 0;
    auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (failed == std::errc{} && number < UINT64_MAX)
      next_damaged_ = std::max(next_damaged_, number + 1);
  }
  return {};
}

atl::status chunk_store::scan(const std::string& folder) {
  std::vector<std::string> names;
  if (auto done = disk_.list(folder, names); done < 0)
    return start_failed(done, "cannot list " + folder);
  for (const auto& name : names)
    if (auto done = scan_file(folder, name); !done)
      return done;
  return {};
}

atl::status chunk_store::scan_file(const std::string& folder, const std::string& name) {
  auto key = parse_fragment_key(name);
  if (!key || folder_of(*key) != folder) {
    atl::log::warning("storage", options_.folder, "{}/{} is no fragment and is left alone", folder,
                      name);
    return {};
  }
  auto opened = load(*key);
  if (opened)
    add(*key, opened->size);
  else if (opened.error().code == atl::errc::corrupt)
    set_aside(*key, opened.error().message);
  else
    return tl::unexpected{opened.error()};
  return {};
}

} // namespace dfs
