#include "client/byte_buffer.hpp"
#include "client/file_extents.hpp"
#include "client/transfers.hpp"
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

/// Reads chunks of a file ahead, a few at a time, and returns them in order.
class read_ahead_queue {
 public:
  explicit read_ahead_queue(storage_pool& storages)
      : storages_{storages}, threads_{chunks_under_way} {}
  ~read_ahead_queue() { threads_.join(); }

  bool full() const { return pending_.size() > chunks_under_way; }
  bool empty() const { return pending_.empty(); }

  /// @param part of the chunk
  void read_ahead(const chunk_record& chunk, const byte_range& part) {
    auto slot = std::make_shared<reading>();
    slot->chunk = chunk;
    slot->offset = part.offset;
    slot->bytes = take_buffer();
    slot->bytes.resize(part.length);
    slot->outcome = slot->promise.get_future();
    boost::asio::post(threads_, [this, slot] {
      try {
        slot->promise.set_value(
            storages_.fetch_range(slot->chunk, slot->offset, slot->bytes.from(0)));
      } catch (...) { // for example out of memory; reported where the outcome is awaited
        slot->promise.set_exception(std::current_exception());
      }
    });
    pending_.push_back(std::move(slot));
  }

  /// Passes the oldest chunk to `into`. @param offset of its first byte in the file, for messages.
  atl::status take_one(const byte_sink& into, std::uint64_t& offset) {
    auto slot = std::move(pending_.front());
    pending_.pop_front();
    auto length = slot->bytes.size();
    auto outcome = await(slot->outcome);
    if (!outcome)
      return fail(outcome.error().code, fmt::format("bytes {} to {}: {}", offset, offset + length,
                                                    outcome.error().message));
    if (auto put = into(slot->bytes.view()); !put)
      return put;
    offset += length;
    spare_.push_back(std::move(slot->bytes));
    return {};
  }

 private:
  struct reading {
    chunk_record chunk;
    std::uint64_t offset = 0;
    byte_buffer bytes;
    std::promise<atl::status> promise;
    std::future<atl::status> outcome;
  };

  /// Buffers are reused: fresh memory costs a page fault for each 4 KiB.
  byte_buffer take_buffer() {
    byte_buffer buffer;
    if (!spare_.empty()) {
      buffer = std::move(spare_.back());
      spare_.pop_back();
    }
    buffer.resize(0); // what it held isn't worth a copy
    return buffer;
  }

  storage_pool& storages_;
  boost::asio::thread_pool threads_;
  std::deque<std::shared_ptr<reading>> pending_;
  std::vector<byte_buffer> spare_;
};

/// The part that lies within a file. Errors: invalid.
atl::result<byte_range> clip(const byte_range& part, std::uint64_t size, const std::string& path) {
  if (part.offset > size)
    return fail(errc::invalid, fmt::format("{} has {} bytes, and the part to read begins at {}",
                                           in_quotes(path), size, part.offset));
  return byte_range{part.offset, std::min(part.length, size - part.offset)};
}

/// What of an extent lies within the part, as bytes of the extent's chunk.
byte_range within(const placed_extent& extent, std::uint64_t begins_at, const byte_range& part) {
  auto from = std::max(part.offset, begins_at);
  auto to = std::min(part.offset + part.length, begins_at + extent.length_bytes);
  return {from - std::min(from, begins_at), to > from ? to - from : 0};
}

} // namespace

atl::result<std::uint64_t> download(control& masters, storage_pool& storages,
                                    const std::string& path, const byte_sink& into,
                                    const progress_report& progress, const byte_range& part) {
  auto page = masters.query(queries::open{path, 0});
  if (!page)
    return tl::unexpected{page.error()};
  auto size = page->size_bytes;
  auto wanted = clip(part, size, path);
  if (!wanted)
    return tl::unexpected{wanted.error()};
  if (page->extents_total == 0) {
    auto bytes = std::string_view{page->inline_bytes};
    if (auto put = into(bytes.substr(wanted->offset, wanted->length)); !put)
      return tl::unexpected{put.error()};
    return wanted->length;
  }
  read_ahead_queue reader{storages};
  auto offset = wanted->offset; ///< of the next byte for `into`
  std::uint64_t walked_to = 0;
  auto take_one = [&]() -> atl::status {
    auto taken = reader.take_one(into, offset);
    if (!taken)
      return fail(taken.error(), path);
    if (progress)
      progress(offset - wanted->offset, wanted->length);
    return {};
  };
  auto walked =
      for_each_extent(masters, path, *page, [&](const placed_extent& extent) -> atl::status {
        auto of_chunk = within(extent, walked_to, *wanted);
        walked_to += extent.length_bytes;
        if (of_chunk.length == 0)
          return {};
        reader.read_ahead(extent.chunk, of_chunk);
        while (reader.full())
          if (auto taken = take_one(); !taken)
            return taken;
        return {};
      });
  if (!walked)
    return tl::unexpected{walked.error()};
  while (!reader.empty())
    if (auto taken = take_one(); !taken)
      return tl::unexpected{taken.error()};
  if (walked_to != size)
    return fail(errc::corrupt, fmt::format("{} has {} bytes, but its chunks have {}",
                                           in_quotes(path), size, walked_to));
  return offset - wanted->offset;
}

} // namespace dfs
