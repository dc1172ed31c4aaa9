#include "storage/chunk_store.hpp"

#include "storage/key_guard.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/core/logging.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>

namespace dfs {

namespace {

constexpr std::string_view log_role = "storage";

/// How much `verify` reads at a time.
constexpr std::size_t verify_step = 16 * block_size;

/// Bound of the files kept in `damaged/` for inspection; further files are deleted.
constexpr std::uint64_t damaged_kept_max = 1000;

tl::unexpected<atl::error> not_stored(const fragment_key& key) {
  return atl::fail(atl::errc::not_found,
                   fmt::format("fragment {} is not stored on this node", to_string(key)));
}

} // namespace

/// Begins with the time, so that no number comes again after a restart.
std::shared_ptr<std::atomic<std::uint64_t>> numbers_since_1970() {
  auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::make_shared<std::atomic<std::uint64_t>>(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count()));
}

chunk_store::chunk_store(store_options options, disk& on)
    : options_{std::move(options)}, disk_{on},
      syncer_{std::make_unique<sync_queue>(
          on, [this](const atl::error& why) { mark_failed(why); }, options_.sync_backlog_max)} {
  if (!options_.numbers)
    options_.numbers = numbers_since_1970();
}

chunk_store::~chunk_store() {
  syncer_.reset(); // before the members that its failure handler uses
}

// -- reading ------------------------------------------------------------------

atl::result<open_fragment> chunk_store::open(const fragment_key& key) {
  auto known = find(key);
  if (!known)
    return not_stored(key);
  auto opened = load(key);
  if (!opened && opened.error().code == atl::errc::corrupt &&
      !quarantine_if_same(key, known->generation, opened.error().message))
    return not_stored(key); // the fragment was removed in the meantime
  return opened;
}

std::optional<open_fragment> chunk_store::open_cached(const fragment_key& key) {
  if (!find(key))
    return std::nullopt;
  disk_file file{disk_, disk_.open_cached(path_of(key))};
  if (!file)
    return std::nullopt;
  auto info = read_footer(disk_, file.fd(), key, read_mode::cached);
  if (!info)
    return std::nullopt;
  return open_fragment{std::move(file), info->size, std::move(info->block_crcs)};
}

atl::result<open_fragment> chunk_store::open_untouched(const fragment_key& key) {
  if (!find(key))
    return not_stored(key);
  return load(key);
}

/// Opens the file behind a fragment that is in the index. A file that is gone counts as damaged.
atl::result<open_fragment> chunk_store::load(const fragment_key& key) {
  auto fd = disk_.open(path_of(key), O_RDONLY);
  if (fd == -ENOENT)
    return atl::fail(atl::errc::corrupt, fmt::format("the file of fragment {} is gone from {}",
                                                     to_string(key), folder_of(key)));
  if (fd < 0)
    return tl::unexpected{read_failure(key, fd)};
  disk_file file{disk_, fd};
  auto info = read_footer(disk_, fd, key);
  if (!info)
    return tl::unexpected{info.error()};
  return open_fragment{std::move(file), info->size, std::move(info->block_crcs)};
}

atl::status chunk_store::verify(const fragment_key& key) {
  return verify(key, check_options{});
}

atl::status chunk_store::verify(const fragment_key& key, const check_options& how) {
  if (!find(key))
    return not_stored(key);
  auto opened = load(key);
  if (!opened)
    return tl::unexpected{opened.error()};
  return verify(key, *opened, how);
}

atl::status chunk_store::verify(const fragment_key& key, const open_fragment& opened,
                                const check_options& how) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(verify_step, opened.size));
  const bool sums = how.content_crc || how.found_crc != nullptr;
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < opened.size; at += verify_step) {
    auto size = std::min<std::uint64_t>(verify_step, opened.size - at);
    if (how.from_disk)
      disk_.forget_cached(opened.file.fd(), at, size);
    auto done = read_checked(key, opened, at, std::span{buffer}.first(size));
    if (how.from_disk)
      disk_.forget_cached(opened.file.fd(), at, size);
    if (!done)
      return done;
    if (sums)
      crc = atl::crc32c({reinterpret_cast<const char*>(buffer.data()), size}, crc);
    if (at + size < opened.size && how.between && !how.between(size))
      return atl::fail(atl::errc::unavailable,
                       fmt::format("the check of fragment {} was ended", to_string(key)));
  }
  if (how.content_crc && *how.content_crc != crc)
    return atl::fail(atl::errc::corrupt,
                     fmt::format("fragment {} has its own checksums, and other content than its "
                                 "chunk",
                                 to_string(key)));
  if (how.found_crc != nullptr)
    *how.found_crc = crc;
  return {};
}

atl::status read_checked(const fragment_key& key, const open_fragment& opened, std::uint64_t at,
                         std::span<std::byte> into) {
  auto got = opened.file.read(into.data(), into.size(), at);
  if (got < 0)
    return tl::unexpected{read_failure(key, got)};
  std::span<const std::byte> left{into.data(), static_cast<std::size_t>(got)};
  for (auto block = at / block_size; !left.empty(); ++block) {
    auto bytes = left.first(std::min(left.size(), block_size));
    if (block_crc(bytes) != opened.block_crcs[block])
      return atl::fail(atl::errc::corrupt,
                       fmt::format("block {} of fragment {} does not match its checksum", block,
                                   to_string(key)));
    left = left.subspan(bytes.size());
  }
  if (static_cast<std::size_t>(got) < into.size())
    return atl::fail(atl::errc::corrupt,
                     fmt::format("fragment {} was cut short while it was read", to_string(key)));
  return {};
}

atl::result<bool> chunk_store::check(const fragment_key& key, const check_options& how) {
  auto known = find(key);
  if (!known)
    return not_stored(key);
  auto done = verify(key, how);
  if (done)
    return true;
  if (done.error().code != atl::errc::corrupt)
    return tl::unexpected{done.error()};
  if (!quarantine_if_same(key, known->generation, done.error().message))
    return not_stored(key);
  return false;
}

// -- taking away --------------------------------------------------------------

atl::status chunk_store::quarantine(const fragment_key& key) {
  key_guard guard{*this, key};
  if (!find(key))
    return not_stored(key);
  set_aside(key, fmt::format("fragment {} was reported damaged", to_string(key)));
  return {};
}

/// Moves a damaged file aside. @returns false if the file has been removed or replaced since.
bool chunk_store::quarantine_if_same(const fragment_key& key, std::uint64_t generation,
                                     const std::string& why) {
  key_guard guard{*this, key};
  auto known = find(key);
  if (!known || known->generation != generation)
    return false;
  set_aside(key, why);
  return true;
}

void chunk_store::set_aside(const fragment_key& key, const std::string& why) {
  atl::log::error(log_role, options_.folder, "{}; it is moved aside and has to be repaired", why);
  drop(key);
  note_damaged(key);
  move_to_damaged(key);
}

void chunk_store::move_to_damaged(const fragment_key& key) {
  std::uint64_t number = 0;
  {
    std::lock_guard lock{mutex_};
    number = next_damaged_++;
  }
  auto from = path_of(key);
  auto to = fmt::format("{}/damaged/{}.{}", options_.folder, to_string(key), number);
  auto done = number < damaged_kept_max ? disk_.rename(from, to) : disk_.unlink(from);
  if (done < 0 && done != -ENOENT)
    atl::log::error(log_role, options_.folder, "{}",
                    atl::system_error(-done, "cannot move aside " + from).message);
}

atl::status chunk_store::remove(const fragment_key& key) {
  auto known = find(key);
  return known ? remove(key, known->generation) : not_stored(key);
}

atl::status chunk_store::remove(const fragment_key& key, std::uint64_t generation) {
  key_guard guard{*this, key};
  auto known = find(key);
  if (!known || known->generation != generation)
    return not_stored(key);
  auto done = disk_.unlink(path_of(key));
  if (done < 0 && done != -ENOENT)
    return tl::unexpected{write_failed(done, "cannot remove " + path_of(key))};
  removed_bytes_ += drop(key);
  return {};
}

// -- knowing ------------------------------------------------------------------

std::optional<stored_fragment> chunk_store::find(const fragment_key& key) const {
  std::lock_guard lock{mutex_};
  return index_.find(key);
}

void chunk_store::renew(const fragment_key& key) {
  std::lock_guard lock{mutex_};
  if (auto known = index_.find(key)) {
    known->generation = next_number();
    index_.put(*known);
  }
}

void chunk_store::add(const fragment_key& key, std::uint64_t size) {
  std::lock_guard lock{mutex_};
  index_.put({key, size, next_number()});
  bytes_ += size;
  found_damaged_.erase(key);
}

std::uint64_t chunk_store::drop(const fragment_key& key) {
  std::lock_guard lock{mutex_};
  auto dropped = index_.erase(key);
  if (!dropped)
    return 0;
  bytes_ -= dropped->size;
  return dropped->size;
}

void chunk_store::note_damaged(const fragment_key& key) {
  std::lock_guard lock{mutex_};
  ++damaged_;
  if (found_damaged_.size() < found_damaged_max)
    found_damaged_.insert(key);
}

/// A disk has given back something else than was written, of a fragment that never became visible.
void chunk_store::note_rejected() {
  std::lock_guard lock{mutex_};
  ++damaged_;
}

std::vector<stored_fragment> chunk_store::list() const {
  std::lock_guard lock{mutex_};
  return index_.slice({}, index_.size());
}

std::vector<stored_fragment> chunk_store::slice(const fragment_key& from, std::size_t limit) const {
  std::lock_guard lock{mutex_};
  return index_.slice(from, limit);
}

std::vector<fragment_key> chunk_store::take_damaged() {
  std::lock_guard lock{mutex_};
  std::vector<fragment_key> found{found_damaged_.begin(), found_damaged_.end()};
  found_damaged_.clear();
  return found;
}

atl::result<store_usage> chunk_store::usage() {
  disk::space space;
  if (auto done = disk_.statvfs(options_.folder, space); done < 0)
    return tl::unexpected{
        atl::system_error(-done, "cannot ask for the free space of " + options_.folder)};
  auto less = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
  std::lock_guard lock{mutex_};
  return store_usage{index_.size(),
                     bytes_,
                     less(space.free, options_.reserve_bytes),
                     less(space.capacity, options_.reserve_bytes),
                     damaged_,
                     removed_bytes_};
}

std::optional<atl::error> chunk_store::failure() const {
  std::lock_guard lock{mutex_};
  return failure_;
}

atl::status chunk_store::flush() {
  if (syncer_->flush())
    return {};
  return tl::unexpected{*failure()};
}

std::string chunk_store::folder_of(const fragment_key& key) const {
  // The random half begins at digit 16: equal numbers of files in each folder.
  return options_.folder + "/" + to_string(key.chunk).substr(16, 2);
}

std::string chunk_store::path_of(const fragment_key& key) const {
  return folder_of(key) + "/" + to_string(key);
}

} // namespace dfs
