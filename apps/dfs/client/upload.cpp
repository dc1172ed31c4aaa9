#include "client/transfers.hpp"
#include "client/upload_lease.hpp"
#include "common/clock.hpp"
#include "namespace/limits.hpp"

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
      : storages_{storages}, lease_{masters, std::chrono::microseconds{storages.info().grace_us}},
        threads_{chunks_under_way} {}
  ~chunk_sender() { threads_.join(); }

  std::uint64_t id() const { return lease_.id(); }

  /// Takes a chunk over, waiting while too many are under way.
  atl::status send(std::string data) {
    while (pending_.size() >= chunks_under_way)
      if (auto settled = settle_one(); !settled)
        return settled;
    auto promise = std::make_shared<std::promise<atl::result<chunk_record>>>();
    pending_.push_back({promise->get_future(), data.size()});
    boost::asio::post(threads_, [this, promise, chunk = std::move(data)] {
      try {
        promise->set_value(storages_.store(lease_, chunk));
      } catch (...) { // out of memory, say; told where the outcome is awaited
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

/// Fills a string from the source, up to `size` bytes; shorter at the end.
atl::result<std::string> next_piece(const byte_source& from, std::size_t size) {
  std::string piece(size, '\0');
  auto got = from(piece);
  if (!got)
    return tl::unexpected{got.error()};
  piece.resize(*got);
  return piece;
}

atl::result<std::vector<placed_extent>> send_all(chunk_sender& sender, const byte_source& from,
                                                 std::string first, std::size_t chunk_bytes,
                                                 const put_options& options) {
  auto piece = std::move(first);
  while (!piece.empty()) {
    auto last = piece.size() < chunk_bytes;
    if (auto sent = sender.send(std::move(piece)); !sent)
      return tl::unexpected{sent.error()};
    if (options.progress)
      options.progress(sender.stored(), options.size_hint);
    if (last)
      break;
    auto next = next_piece(from, chunk_bytes);
    if (!next)
      return tl::unexpected{next.error()};
    piece = std::move(*next);
  }
  return sender.finish();
}

} // namespace

atl::result<std::uint64_t> upload(control& masters, storage_pool& storages, const byte_source& from,
                                  const std::string& path, const put_options& options) {
  auto& info = storages.info();
  commands::put_file file;
  file.path = path;
  file.mtime_us = options.mtime_us != 0 ? options.mtime_us : now_us();
  file.overwrite = options.overwrite;
  file.parents = options.parents;
  // What is known to be small isn't given a buffer for a whole chunk.
  auto first_bytes = info.chunk_bytes;
  if (options.size_hint != 0)
    first_bytes = std::min(info.chunk_bytes, options.size_hint + 1);
  auto first = next_piece(from, first_bytes);
  if (!first)
    return tl::unexpected{first.error()};
  std::uint64_t size = first->size();
  if (size == first_bytes && first_bytes < info.chunk_bytes) {
    // The file has grown since its size was asked: take the chunk whole.
    auto rest = next_piece(from, info.chunk_bytes - first_bytes);
    if (!rest)
      return tl::unexpected{rest.error()};
    *first += *rest;
    size = first->size();
  }
  if (size <= info.inline_bytes || size == 0) {
    file.content = std::move(*first);
    auto made = masters.run(std::move(file));
    if (!made)
      return tl::unexpected{made.error()};
    return size;
  }
  chunk_sender sender{masters, storages};
  auto extents = send_all(sender, from, std::move(*first), info.chunk_bytes, options);
  auto end = [&] {
    // Only a hint: without it the master waits for this upload a while longer.
    std::ignore = masters.call(protocol::kind::finish,
                               protocol::encode(protocol::finish_request{sender.id()}));
  };
  if (!extents) {
    if (extents.error().code != errc::unavailable) // else they may be who didn't answer
      end();
    return tl::unexpected{extents.error()};
  }
  if (extents->size() > limits::extents_per_file_max) {
    end();
    return fail(errc::invalid,
                fmt::format("{} would have {} chunks, and {} is the most; a cluster with a larger "
                            "files.chunk_size takes larger files",
                            path, extents->size(), limits::extents_per_file_max));
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
