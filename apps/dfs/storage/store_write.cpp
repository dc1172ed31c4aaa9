// The writing half of the chunk store: how a fragment is put in its place, and how disk failures
// are handled.
#include "storage/chunk_store.hpp"
#include "storage/key_guard.hpp"

#include <atoll/core/logging.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>

namespace dfs {

atl::result<chunk_writer> chunk_store::begin(const fragment_key& key, std::uint64_t size) {
  if (size > fragment_bytes_max || key.fragment > fragment_index_max)
    return atl::fail(atl::errc::invalid,
                     fmt::format("fragment {} of {} bytes is not storable: at most {} bytes and "
                                 "fragment number {}",
                                 to_string(key), size, fragment_bytes_max, fragment_index_max));
  auto space = usage();
  if (!space)
    return tl::unexpected{space.error()};
  auto needed = size + fragment_footer_size(size);
  std::string path;
  {
    std::lock_guard lock{mutex_};
    if (failure_)
      return tl::unexpected{*failure_};
    if (space->free < pending_bytes_ + needed)
      return atl::fail(atl::errc::no_space,
                       fmt::format("{} has {} bytes left for chunks, too few for fragment {} of {}",
                                   options_.folder, space->free, to_string(key), size));
    path = fmt::format("{}/tmp/{}.{}", options_.folder, to_string(key), next_number());
    pending_bytes_ += size;
  }
  auto fd = disk_.open(path, O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0) {
    release(size);
    return tl::unexpected{write_failed(fd, "cannot create " + path)};
  }
  return chunk_writer{*this, key, size, std::move(path), disk_file{disk_, fd}};
}

void chunk_store::release(std::uint64_t bytes) {
  std::lock_guard lock{mutex_};
  pending_bytes_ -= bytes;
}

atl::status chunk_store::publish(chunk_writer& from, durability how) {
  key_guard guard{*this, from.key()};
  // If anything failed during this write, a later successful sync proves nothing.
  if (auto why = failure())
    return tl::unexpected{*why};
  auto stored = is_stored_already(from, how);
  if (!stored)
    return tl::unexpected{stored.error()};
  return *stored ? atl::status{} : put_in_place(from, how);
}

atl::status chunk_store::put_in_place(chunk_writer& from, durability how) {
  const auto& key = from.key();
  auto folder = folder_of(key);
  if (auto done = disk_.rename(from.path_, path_of(key)); done < 0)
    return tl::unexpected{write_failed(done, "cannot rename " + from.path_)};
  from.path_.clear();
  if (is_synced(how))
    if (auto done = disk_.fsync_dir(folder); done < 0)
      return tl::unexpected{write_failed(done, "cannot sync the folder " + folder)};
  if (how == durability::replicated && !syncer_->push(std::move(from.file_), folder, from.size()))
    return tl::unexpected{*failure()};
  add(key, from.size());
  return {};
}

/// Whether an identical fragment is in its place, with the requested durability. A damaged fragment
/// is moved aside, so that this write replaces it.
atl::result<bool> chunk_store::is_stored_already(chunk_writer& from, durability how) {
  const auto& key = from.key();
  if (!find(key))
    return false;
  auto existing = load(key);
  if (!existing) {
    if (existing.error().code != atl::errc::corrupt)
      return tl::unexpected{existing.error()};
    set_aside(key, existing.error().message);
    return false;
  }
  if (existing->size != from.size() || existing->block_crcs != from.info_.block_crcs)
    return atl::fail(atl::errc::exists,
                     fmt::format("fragment {} is stored with other content", to_string(key)));
  if (is_synced(how))
    if (auto done = sync_existing(key, *existing); !done)
      return tl::unexpected{done.error()};
  if (how == durability::verified)
    if (auto fits = from.read_back_from(path_of(key)); !fits) {
      set_aside(key, fits.error().message);
      return false;
    }
  renew(key);
  return true;
}

/// Its writer may have requested less durability, or still wait for the sync.
atl::status chunk_store::sync_existing(const fragment_key& key, const open_fragment& existing) {
  if (auto done = disk_.fdatasync(existing.file.fd()); done < 0)
    return tl::unexpected{write_failed(done, "cannot sync fragment " + to_string(key))};
  if (auto done = disk_.fsync_dir(folder_of(key)); done < 0)
    return tl::unexpected{write_failed(done, "cannot sync the folder " + folder_of(key))};
  if (auto why = failure())
    return tl::unexpected{*why};
  return {};
}

/// The error for a call that changes the disk. A full disk or too many open files do not mark the
/// disk as failed; any other error does.
atl::error chunk_store::write_failed(int code, std::string_view what) {
  auto why = atl::system_error(-code, what);
  switch (-code) {
  case ENOSPC:
  case EDQUOT:
  case EMFILE:
  case ENFILE:
  case ENOMEM:
    break;
  default:
    mark_failed(why);
  }
  return why;
}

void chunk_store::mark_failed(const atl::error& why) {
  auto mark = options_.folder + "/failed";
  {
    std::lock_guard lock{mutex_};
    if (failure_)
      return;
    failure_ = atl::error{
        atl::errc::io, fmt::format("the chunk store {} takes no more writes since its disk failed "
                                   "({}); check the disk, then remove {} and restart",
                                   options_.folder, why.message, mark)};
  }
  atl::log::error("storage", options_.folder, "{}; no more writes are taken", why.message);
  // Marks the store as failed for the next start. A disk that can't even store this file will fail
  // again.
  disk_file file{disk_, disk_.open(mark, O_WRONLY | O_CREAT | O_TRUNC)};
  if (file) {
    (void)write_fully(disk_, file.fd(), why.message.data(), why.message.size(), 0);
    (void)disk_.fdatasync(file.fd());
    (void)disk_.fsync_dir(options_.folder);
  }
  if (options_.on_failure)
    options_.on_failure(*failure());
}

void chunk_store::check_folder() {
  auto path = options_.folder + "/lock";
  auto fd = disk_.open(path, O_RDWR); // a file system that became read-only refuses that
  if (fd < 0) {
    (void)write_failed(fd, "cannot open " + path);
    return;
  }
  disk_file file{disk_, fd};
  auto folder = options_.folder + "/tmp";
  std::vector<std::string> names;
  if (auto done = disk_.list(folder, names); done < 0)
    (void)write_failed(done, "cannot list " + folder);
}

} // namespace dfs
