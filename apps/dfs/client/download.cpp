#include "client/file_extents.hpp"
#include "client/transfers.hpp"
#include "namespace/path.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/format.h>

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

  void read_ahead(const placed_extent& extent) {
    auto slot = std::make_shared<reading>();
    slot->extent = extent;
    slot->bytes = take_buffer(extent.chunk.size_bytes);
    slot->outcome = slot->promise.get_future();
    boost::asio::post(threads_, [this, slot] {
      try {
        slot->promise.set_value(storages_.fetch_range(slot->extent.chunk, 0, slot->bytes));
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
    auto length = slot->extent.length_bytes;
    auto outcome = await(slot->outcome);
    if (!outcome)
      return fail(outcome.error().code, fmt::format("bytes {} to {}: {}", offset, offset + length,
                                                    outcome.error().message));
    if (auto put = into(std::string_view{slot->bytes}.substr(0, length)); !put)
      return put;
    offset += length;
    spare_.push_back(std::move(slot->bytes));
    return {};
  }

 private:
  struct reading {
    placed_extent extent;
    std::string bytes;
    std::promise<atl::status> promise;
    std::future<atl::status> outcome;
  };

  /// Buffers are reused: fresh memory costs a page fault for each 4 KiB.
  std::string take_buffer(std::size_t size) {
    std::string buffer;
    if (!spare_.empty()) {
      buffer = std::move(spare_.back());
      spare_.pop_back();
    }
    buffer.resize(size);
    return buffer;
  }

  storage_pool& storages_;
  boost::asio::thread_pool threads_;
  std::deque<std::shared_ptr<reading>> pending_;
  std::vector<std::string> spare_;
};

} // namespace

atl::result<std::uint64_t> download(control& masters, storage_pool& storages,
                                    const std::string& path, const byte_sink& into,
                                    const progress_report& progress) {
  auto page = masters.query(queries::open{path, 0});
  if (!page)
    return tl::unexpected{page.error()};
  if (page->extents_total == 0) {
    if (auto put = into(page->inline_bytes); !put)
      return tl::unexpected{put.error()};
    return page->inline_bytes.size();
  }
  auto size = page->size_bytes;
  read_ahead_queue reader{storages};
  std::uint64_t offset = 0;
  auto take_one = [&]() -> atl::status {
    auto taken = reader.take_one(into, offset);
    if (!taken)
      return fail(taken.error(), path);
    if (progress)
      progress(offset, size);
    return {};
  };
  auto walked =
      for_each_extent(masters, path, *page, [&](const placed_extent& extent) -> atl::status {
        reader.read_ahead(extent);
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
  if (offset != size)
    return fail(errc::corrupt, fmt::format("{} has {} bytes, but its chunks have {}",
                                           in_quotes(path), size, offset));
  return offset;
}

} // namespace dfs
