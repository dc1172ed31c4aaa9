#include "storage/chunk_writer.hpp"

#include "storage/chunk_store.hpp"
#include "storage/read_back.hpp"

#include <atoll/core/logging.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

chunk_writer::chunk_writer(chunk_store& store, fragment_key key, std::uint64_t size,
                           std::string path, disk_file file)
    : store_{&store}, info_{key, size, {}}, path_{std::move(path)}, file_{std::move(file)} {
  info_.block_crcs.reserve(block_count(size));
}

chunk_writer::chunk_writer(chunk_writer&& other) noexcept
    : store_{std::exchange(other.store_, nullptr)}, info_{std::move(other.info_)},
      path_{std::move(other.path_)}, file_{std::move(other.file_)}, appended_{other.appended_},
      written_back_{other.written_back_}, crc_on_disk_{other.crc_on_disk_},
      broken_{std::move(other.broken_)}, held_{std::move(other.held_)} {}

chunk_writer::~chunk_writer() {
  if (store_ == nullptr)
    return;
  (void)file_.close();
  if (!path_.empty())
    (void)store_->disk_.unlink(path_);
  store_->release(info_.size);
}

atl::status chunk_writer::append(std::span<const std::byte> bytes,
                                 std::span<const std::uint32_t> crcs) {
  if (broken_)
    return tl::unexpected{*broken_};
  auto left = info_.size - appended_;
  bool whole_blocks = bytes.size() % block_size == 0 || bytes.size() == left;
  if (bytes.size() > left || !whole_blocks || crcs.size() != block_count(bytes.size()))
    return broken({atl::errc::invalid,
                   fmt::format("cannot append {} bytes with {} checksums to fragment {}, of which "
                               "{} bytes are missing",
                               bytes.size(), crcs.size(), to_string(info_.key), left)});
  for (std::size_t i = 0; i < crcs.size(); ++i) {
    auto block = bytes.subspan(i * block_size, std::min(block_size, bytes.size() - i * block_size));
    if (block_crc(block) != crcs[i])
      return broken({atl::errc::corrupt,
                     fmt::format("block {} of fragment {} does not match its checksum: it was "
                                 "damaged on its way here",
                                 info_.block_crcs.size() + i, to_string(info_.key))});
  }
  auto done = write_fully(store_->disk_, file_.fd(), bytes.data(), bytes.size(), appended_);
  if (done < 0)
    return broken(store_->write_failed(done, "cannot write " + path_));
  appended_ += bytes.size();
  info_.block_crcs.insert(info_.block_crcs.end(), crcs.begin(), crcs.end());
  if (appended_ - written_back_ >= writeback_step) {
    store_->disk_.start_writeback(file_.fd(), written_back_, appended_ - written_back_);
    written_back_ = appended_;
  }
  return {};
}

atl::status chunk_writer::commit(durability how) {
  if (broken_)
    return tl::unexpected{*broken_};
  if (appended_ != info_.size)
    return broken({atl::errc::invalid,
                   fmt::format("cannot commit fragment {}: {} of its {} bytes are missing",
                               to_string(info_.key), info_.size - appended_, info_.size)});
  if (auto done = finish_file(how); !done)
    return done;
  if (how == durability::verified)
    if (auto done = read_back_from(path_); !done)
      return broken(done.error());
  if (auto done = store_->publish(*this, how); !done)
    return broken(done.error());
  broken_ = {atl::errc::invalid, fmt::format("fragment {} is committed", to_string(info_.key))};
  return {};
}

/// Compares what the disk has with what was written. The file isn't visible yet.
atl::status chunk_writer::read_back_from(const std::string& path) {
  auto found = read_back(store_->disk_, path, info_.size);
  if (found && found->block_crcs == info_.block_crcs) {
    crc_on_disk_ = found->crc;
    return {};
  }
  auto why = found ? fmt::format("the disk gave back other bytes of fragment {} than were written "
                                 "to it",
                                 to_string(info_.key))
                   : found.error().message;
  atl::log::error("storage", store_->options_.folder,
                  "{}: check the disk, its cable and the machine's memory", why);
  if (path == path_)
    store_->note_rejected();
  return atl::fail(atl::errc::corrupt, why);
}

/// Writes the footer and, unless it is synced later, syncs the file.
atl::status chunk_writer::finish_file(durability how) {
  auto footer = encode_footer(info_);
  auto done = write_fully(store_->disk_, file_.fd(), footer.data(), footer.size(), info_.size);
  if (done < 0)
    return broken(store_->write_failed(done, "cannot write " + path_));
  if (!is_synced(how))
    return {};
  done = store_->disk_.fdatasync(file_.fd());
  if (done < 0)
    return broken(store_->write_failed(done, "cannot sync " + path_));
  done = file_.close();
  if (done < 0)
    return broken(store_->write_failed(done, "cannot close " + path_));
  return {};
}

atl::status chunk_writer::broken(atl::error why) {
  broken_ = std::move(why);
  return tl::unexpected{*broken_};
}

} // namespace dfs
