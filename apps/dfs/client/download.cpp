#include "client/file_pieces.hpp"
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

  void read_ahead(const piece& part) {
    auto slot = std::make_shared<reading>();
    slot->part = part;
    slot->outcome = slot->promise.get_future();
    auto* stored = std::get_if<chunk_part>(&slot->part.content);
    if (!stored) {
      slot->promise.set_value({});
      pending_.push_back(std::move(slot));
      return;
    }
    slot->bytes = take_buffer(stored->chunk.size_bytes);
    boost::asio::post(threads_, [this, slot] {
      try {
        slot->promise.set_value(
            storages_.fetch(std::get<chunk_part>(slot->part.content).chunk, slot->bytes));
      } catch (...) { // for example out of memory; reported where the outcome is awaited
        slot->promise.set_exception(std::current_exception());
      }
    });
    pending_.push_back(std::move(slot));
  }

  /// Passes the oldest piece to `into`. @param offset of its first byte in the file, for messages.
  atl::status take_one(const byte_sink& into, std::uint64_t& offset) {
    auto slot = std::move(pending_.front());
    pending_.pop_front();
    auto length = slot->part.length_bytes;
    auto outcome = await(slot->outcome);
    if (!outcome)
      return fail(outcome.error().code, fmt::format("bytes {} to {}: {}", offset, offset + length,
                                                    outcome.error().message));
    if (auto put = pass(*slot, into); !put)
      return put;
    offset += length;
    spare_.push_back(std::move(slot->bytes));
    return {};
  }

 private:
  struct reading {
    piece part;
    std::string bytes;
    std::promise<atl::status> promise;
    std::future<atl::status> outcome;
  };

  static atl::status pass(const reading& slot, const byte_sink& into) {
    if (auto* stored = std::get_if<chunk_part>(&slot.part.content))
      return into(
          std::string_view{slot.bytes}.substr(stored->offset_bytes, slot.part.length_bytes));
    if (auto* bytes = std::get_if<std::string>(&slot.part.content))
      return into(*bytes);
    static const std::string zeros(64 << 10, '\0');
    for (auto left = slot.part.length_bytes; left > 0;) {
      auto now = std::min<std::uint64_t>(left, zeros.size());
      if (auto put = into(std::string_view{zeros}.substr(0, now)); !put)
        return put;
      left -= now;
    }
    return {};
  }

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
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  auto page = masters.query(queries::open{*where, 0});
  if (!page)
    return tl::unexpected{page.error()};
  if (page->attributes.type != inode_type::file)
    return fail(errc::refused, fmt::format("{} is a symbolic link, not a file", in_quotes(path)));
  auto size = page->attributes.size_bytes;
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
  auto walked = for_each_piece(masters, path, *page, [&](const piece& part) -> atl::status {
    reader.read_ahead(part);
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
