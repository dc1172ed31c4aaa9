#include "client/transfers.hpp"
#include "client/upload_lease.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <future>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;

/// Sends chunks of one file, a few at a time, and keeps their records in order.
class chunk_sender {
 public:
  chunk_sender(control& masters, storage_pool& storages)
      : storages_{storages}, lease_{masters,
                                    std::chrono::microseconds{storages.plugins()->info().grace_us}},
        threads_{chunks_under_way} {}
  ~chunk_sender() { threads_.join(); }

  std::uint64_t id() const { return lease_.id(); }

  /// Sends a chunk; blocks while too many are under way.
  atl::status send(std::string data) {
    while (pending_.size() >= chunks_under_way)
      if (auto settled = settle_one(); !settled)
        return settled;
    auto promise = std::make_shared<std::promise<atl::result<chunk_record>>>();
    pending_.push_back({promise->get_future(), data.size()});
    boost::asio::post(threads_, [this, promise, chunk = std::move(data)] {
      try {
        promise->set_value(storages_.store(lease_, chunk));
      } catch (...) { // for example out of memory; reported where the outcome is awaited
        promise->set_exception(std::current_exception());
      }
    });
    return {};
  }

  /// All records, once all chunks are stored.
  atl::result<std::vector<placed_extent>> finish() {
    while (!pending_.empty())
      if (auto settled = settle_one(); !settled)
        return tl::unexpected{settled.error()};
    return std::move(extents_);
  }

  std::uint64_t stored() const { return stored_; }

 private:
  struct sending {
    std::future<atl::result<chunk_record>> outcome;
    std::size_t size;
  };

  atl::status settle_one() {
    auto oldest = std::move(pending_.front());
    pending_.pop_front();
    auto record = await(oldest.outcome);
    if (!record)
      return tl::unexpected{record.error()};
    extents_.push_back({std::move(*record), oldest.size});
    stored_ += oldest.size;
    return {};
  }

  storage_pool& storages_;
  upload_lease lease_;
  boost::asio::thread_pool threads_;
  std::deque<sending> pending_;
  std::vector<placed_extent> extents_;
  std::uint64_t stored_ = 0;
};

/// Memory for a whole chunk costs a page fault for each 4 KiB, so the buffer of a source of unknown
/// size grows step by step.
constexpr std::uint64_t first_step_bytes = 64 << 10;
constexpr std::uint64_t step_factor = 4;

/// Reads up to `size` bytes from the source; fewer at its end.
/// @param expected the probable number of bytes
atl::result<std::string> next_piece(const byte_source& from, std::size_t size,
                                    std::optional<std::uint64_t> expected) {
  std::string piece;
  // One byte more than expected: if it stays free, the source has ended.
  auto goal = std::min<std::uint64_t>(size, expected ? *expected + 1 : first_step_bytes);
  for (;;) {
    auto filled = piece.size();
    piece.resize(goal);
    auto got = from(std::span{piece}.subspan(filled));
    if (!got)
      return tl::unexpected{got.error()};
    piece.resize(filled + *got);
    if (piece.size() < goal || goal == size)
      return piece;
    goal = std::min<std::uint64_t>(size, std::max(goal * step_factor, first_step_bytes));
  }
}

/// The largest file, by the masters' limits.
std::uint64_t file_bytes_max(const protocol::cluster_info& info) {
  return info.chunk_bytes * limits::extents_per_file_max;
}

tl::unexpected<atl::error> too_large(const std::string& path, const protocol::cluster_info& info) {
  return fail(errc::invalid,
              fmt::format("{} would be larger than {} bytes, which is the most: {} chunks of {} "
                          "bytes; a cluster with a larger files.chunk_size takes larger files",
                          in_quotes(path), file_bytes_max(info), limits::extents_per_file_max,
                          info.chunk_bytes));
}

/// The bytes that are still expected from the source, if known.
std::optional<std::uint64_t> rest_of(std::optional<std::uint64_t> size, std::uint64_t taken) {
  if (!size || *size <= taken)
    return std::nullopt;
  return *size - taken;
}

atl::result<std::vector<placed_extent>> send_all(chunk_sender& sender, const byte_source& from,
                                                 std::string first, const std::string& path,
                                                 const protocol::cluster_info& info,
                                                 const put_options& options) {
  auto piece = std::move(first);
  std::uint64_t taken = 0;
  for (std::size_t chunks = 1; !piece.empty(); ++chunks) {
    if (chunks > limits::extents_per_file_max)
      return too_large(path, info);
    taken += piece.size();
    auto is_last = piece.size() < info.chunk_bytes;
    if (auto sent = sender.send(std::move(piece)); !sent)
      return tl::unexpected{sent.error()};
    if (options.progress)
      options.progress(sender.stored(), options.size.value_or(0));
    if (is_last)
      break;
    auto next = next_piece(from, info.chunk_bytes, rest_of(options.size, taken));
    if (!next)
      return tl::unexpected{next.error()};
    piece = std::move(*next);
  }
  return sender.finish();
}

} // namespace

atl::result<std::uint64_t> upload(control& masters, storage_pool& storages, const byte_source& from,
                                  const std::string& path, const put_options& options) {
  auto plugins = storages.plugins();
  auto& info = plugins->info();
  commands::put_file file;
  file.path = path;
  file.mtime_us = options.mtime_us;
  file.overwrite = options.overwrite;
  file.parents = options.parents;
  if (options.size.value_or(0) > file_bytes_max(info))
    return too_large(path, info);
  auto first = next_piece(from, info.chunk_bytes, options.size);
  if (!first)
    return tl::unexpected{first.error()};
  std::uint64_t size = first->size();
  if (size <= info.inline_bytes || size == 0) {
    file.content = std::move(*first);
    auto made = masters.run(std::move(file));
    if (!made)
      return tl::unexpected{made.error()};
    return size;
  }
  chunk_sender sender{masters, storages};
  auto extents = send_all(sender, from, std::move(*first), path, info, options);
  auto end = [&] {
    // Only a hint: without it the master considers the upload under way for a while longer.
    std::ignore = masters.call(protocol::kind::finish,
                               protocol::encode(protocol::finish_request{sender.id()}));
  };
  if (!extents) {
    if (extents.error().code !=
        errc::unavailable) // otherwise the masters may be unavailable as well
      end();
    return tl::unexpected{extents.error()};
  }
  size = sender.stored();
  file.content = std::move(*extents);
  auto made = masters.run(std::move(file));
  end();
  if (!made)
    return tl::unexpected{made.error()};
  if (options.progress)
    options.progress(size, size);
  return size;
}

} // namespace dfs
