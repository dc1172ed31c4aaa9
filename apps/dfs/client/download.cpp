#include "client/byte_buffer.hpp"
#include "client/file_pieces.hpp"
#include "client/piece_read.hpp"
#include "client/transfers.hpp"
#include "namespace/path.hpp"

#include <atoll/core/crc32c.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <future>
#include <optional>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;

/// A larger chunk is read in parts of this size, to spare memory.
constexpr std::uint64_t part_bytes = 4 << 20;
constexpr std::uint64_t whole_bytes_max = 16 << 20;

/// What is known of a chunk of which some parts have been passed on.
struct chunk_so_far {
  std::uint32_t crc = 0;
  std::uint64_t bytes = 0;
};

/// Reads chunks of a file ahead, a few at a time, and returns them in order.
class read_ahead_queue {
 public:
  /// @param take_back must outlive this object
  read_ahead_queue(control& masters, storage_pool& storages, file_content of,
                   const byte_retraction& take_back)
      : masters_{masters}, storages_{storages}, of_{std::move(of)},
        take_back_{take_back}, threads_{chunks_under_way} {}
  ~read_ahead_queue() { threads_.join(); }

  bool full() const { return pending_.size() > chunks_under_way; }
  bool empty() const { return pending_.empty(); }

  /// Is the piece to be read in parts? Of a whole chunk only if it can be taken back, because the
  /// checksum of the chunk is compared when all of its bytes have been passed on.
  bool is_divided(const piece& what) const {
    auto* stored = std::get_if<chunk_part>(&what.content);
    return stored && what.length_bytes > whole_bytes_max &&
           (take_back_ || what.length_bytes < stored->chunk.size_bytes);
  }

  /// @param of the whole chunk of which this is a part; null: it isn't checked
  void read_ahead(const piece& part, std::shared_ptr<chunk_so_far> of = nullptr) {
    auto slot = std::make_shared<reading>();
    slot->part = part;
    slot->of = std::move(of);
    slot->outcome = slot->promise.get_future();
    auto* stored = std::get_if<chunk_part>(&slot->part.content);
    if (!stored) {
      slot->promise.set_value({});
      pending_.push_back(std::move(slot));
      return;
    }
    slot->bytes = take_buffer();
    slot->bytes.resize(part.length_bytes);
    boost::asio::post(threads_, [this, slot] {
      try {
        slot->promise.set_value(
            read_piece(masters_, storages_, of_, slot->part, slot->bytes.from(0)));
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
    if (slot->of)
      if (auto checked = check(*slot, into); !checked)
        return fail(checked.error().code, fmt::format("bytes {} to {}: {}", offset, offset + length,
                                                      checked.error().message));
    offset += length;
    spare_.push_back(std::move(slot->bytes));
    return {};
  }

 private:
  struct reading {
    piece part;
    std::shared_ptr<chunk_so_far> of;
    byte_buffer bytes; ///< of a part of a chunk
    std::promise<atl::status> promise;
    std::future<atl::status> outcome;
  };

  static atl::status pass(const reading& slot, const byte_sink& into) {
    if (std::holds_alternative<chunk_part>(slot.part.content))
      return into(slot.bytes.view());
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

  /// The checksums of the blocks were right. That of the chunk is compared after its last part; if
  /// it is wrong, a fragment is, and the chunk is read as a whole from others.
  atl::status check(const reading& slot, const byte_sink& into) {
    auto& chunk = std::get<chunk_part>(slot.part.content).chunk;
    slot.of->crc = atl::crc32c(slot.bytes.view(), slot.of->crc);
    slot.of->bytes += slot.bytes.size();
    if (slot.of->bytes < chunk.size_bytes || slot.of->crc == chunk.crc)
      return {};
    byte_buffer whole;
    whole.resize(chunk.size_bytes);
    auto begin = slot.part.offset_bytes - std::get<chunk_part>(slot.part.content).offset_bytes;
    piece all{begin, chunk.size_bytes, chunk_part{chunk, 0}};
    if (auto read = read_piece(masters_, storages_, of_, all, whole.from(0)); !read)
      return read;
    if (auto taken = take_back_(chunk.size_bytes); !taken)
      return taken;
    return into(whole.view());
  }

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

  control& masters_;
  storage_pool& storages_;
  const file_content of_;
  const byte_retraction& take_back_;
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

/// What of a piece lies within the part.
std::optional<piece> within(const piece& whole, const byte_range& part) {
  auto from = std::max(part.offset, whole.offset_bytes);
  auto to = std::min(part.offset + part.length, whole.offset_bytes + whole.length_bytes);
  if (from >= to)
    return std::nullopt;
  auto cut = whole;
  cut.offset_bytes = from;
  cut.length_bytes = to - from;
  auto skipped = from - whole.offset_bytes;
  if (auto* bytes = std::get_if<std::string>(&cut.content))
    *bytes = bytes->substr(skipped, cut.length_bytes);
  else if (auto* stored = std::get_if<chunk_part>(&cut.content))
    stored->offset_bytes += skipped;
  return cut;
}

} // namespace

atl::result<std::uint64_t> download(control& masters, storage_pool& storages,
                                    const std::string& path, const byte_sink& into,
                                    const progress_report& progress, const byte_range& part,
                                    const std::optional<expected_content>& expected,
                                    const byte_retraction& take_back) {
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  auto page = masters.query(queries::open{*where, 0});
  if (!page)
    return tl::unexpected{page.error()};
  if (page->attributes.type != inode_type::file)
    return fail(errc::refused, fmt::format("{} is a symbolic link, not a file", in_quotes(path)));
  auto is_expected = !expected || (expected->inode == page->inode &&
                                   expected->data_version == page->attributes.data_version);
  if (!is_expected)
    return tl::unexpected{changed_meanwhile(path)};
  auto wanted = clip(part, page->attributes.size_bytes, path);
  if (!wanted)
    return tl::unexpected{wanted.error()};
  read_ahead_queue reader{
      masters, storages, {path, page->inode, page->attributes.data_version}, take_back};
  auto offset = wanted->offset; ///< of the next byte for `into`
  auto take_one = [&]() -> atl::status {
    auto taken = reader.take_one(into, offset);
    if (!taken)
      return fail(taken.error(), path);
    if (progress)
      progress(offset - wanted->offset, wanted->length);
    return {};
  };
  auto walked = for_each_piece(masters, path, *page, [&](const piece& found) -> atl::status {
    auto of_file = within(found, *wanted);
    if (!of_file)
      return {};
    auto make_room = [&]() -> atl::status {
      while (reader.full())
        if (auto taken = take_one(); !taken)
          return taken;
      return {};
    };
    if (!reader.is_divided(*of_file)) {
      reader.read_ahead(*of_file);
      return make_room();
    }
    auto is_whole =
        of_file->length_bytes == std::get<chunk_part>(of_file->content).chunk.size_bytes;
    auto so_far = is_whole ? std::make_shared<chunk_so_far>() : nullptr;
    for (auto at = of_file->offset_bytes; at < of_file->offset_bytes + of_file->length_bytes;
         at += part_bytes) {
      reader.read_ahead(*within(*of_file, {at, part_bytes}), so_far);
      if (auto made = make_room(); !made)
        return made;
    }
    return {};
  });
  if (!walked)
    return tl::unexpected{walked.error()};
  while (!reader.empty())
    if (auto taken = take_one(); !taken)
      return tl::unexpected{taken.error()};
  if (offset - wanted->offset != wanted->length)
    return fail(errc::corrupt,
                fmt::format("{} has {} bytes from offset {} on, but its pieces have {}",
                            in_quotes(path), wanted->length, wanted->offset,
                            offset - wanted->offset));
  return offset - wanted->offset;
}

} // namespace dfs
