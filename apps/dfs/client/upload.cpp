#include "client/byte_buffer.hpp"
#include "client/paths.hpp"
#include "client/transfers.hpp"
#include "client/upload_leases.hpp"
#include "namespace/namespace_limits.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;

/// Stores the chunks of one file, a few at a time, and keeps their records in order.
class chunk_sender {
 public:
  chunk_sender(storage_pool& storages, const protocol::cluster_info& info,
               std::shared_ptr<const scheme> by)
      : storages_{storages}, by_{std::move(by)}, lease_{storages.leases(),
                                                        std::chrono::microseconds{info.grace_us}},
        places_{storages.begin_upload(lease_, by_->id)} {}
  ~chunk_sender() {
    if (threads_)
      threads_->join();
  }

  std::uint64_t id() const { return lease_.id(); }
  /// How many chunks are left, the next one included.
  void expect(std::uint64_t chunks) { places_->expect(chunks); }

  /// Stores a chunk; blocks while too many are under way. A file's only chunk is stored by the
  /// calling thread.
  atl::status send(byte_buffer data, bool is_last) {
    auto task = std::make_shared<sending>();
    task->data = std::move(data);
    task->source = chunk_source{task->data.view()};
    return send(std::move(task), is_last);
  }
  /// The same of a chunk that isn't in memory.
  atl::status send(chunk_source from, bool is_last) {
    auto task = std::make_shared<sending>();
    task->source = std::move(from);
    return send(std::move(task), is_last);
  }

  /// All records, once all chunks are stored.
  atl::result<std::vector<piece>> finish() {
    while (!pending_.empty())
      if (auto settled = settle_one(); !settled)
        return tl::unexpected{settled.error()};
    return std::move(pieces_);
  }

  std::uint64_t stored() const { return stored_; }

  /// The memory of a chunk that is stored: fresh memory costs a page fault for each 4 KiB.
  byte_buffer take_buffer() {
    byte_buffer buffer;
    if (!spare_.empty()) {
      buffer = std::move(spare_.back());
      spare_.pop_back();
    }
    return buffer;
  }

 private:
  struct sending {
    byte_buffer data; ///< of a chunk in memory
    chunk_source source{std::string_view{}};
    std::promise<atl::result<chunk_record>> promise;
    std::future<atl::result<chunk_record>> outcome = promise.get_future();
  };

  atl::status send(std::shared_ptr<sending> task, bool is_last) {
    if (is_last && !threads_)
      return add(storages_.store(*places_, *by_, task->source), task->source.size);
    if (!threads_)
      threads_.emplace(chunks_under_way);
    while (pending_.size() >= chunks_under_way)
      if (auto settled = settle_one(); !settled)
        return settled;
    pending_.push_back(task);
    boost::asio::post(*threads_, [this, task] {
      try {
        task->promise.set_value(storages_.store(*places_, *by_, task->source));
      } catch (...) { // for example out of memory; reported where the outcome is awaited
        task->promise.set_exception(std::current_exception());
      }
    });
    return {};
  }

  atl::status settle_one() {
    auto oldest = std::move(pending_.front());
    pending_.pop_front();
    auto added = add(await(oldest->outcome), oldest->source.size);
    spare_.push_back(std::move(oldest->data));
    return added;
  }

  atl::status add(atl::result<chunk_record> record, std::size_t size) {
    if (!record)
      return tl::unexpected{record.error()};
    pieces_.push_back({stored_, size, chunk_part{std::move(*record), 0}});
    stored_ += size;
    return {};
  }

  storage_pool& storages_;
  const std::shared_ptr<const scheme> by_;
  upload_lease lease_;
  std::unique_ptr<placement_stock> places_;
  std::optional<boost::asio::thread_pool> threads_;
  std::deque<std::shared_ptr<sending>> pending_;
  std::vector<byte_buffer> spare_;
  std::vector<piece> pieces_;
  std::uint64_t stored_ = 0;
};

/// Memory for a whole chunk costs a page fault for each 4 KiB, so the buffer of a source of unknown
/// size grows step by step.
constexpr std::uint64_t first_step_bytes = 64 << 10;
constexpr std::uint64_t step_factor = 4;

/// Reads up to `size` bytes from the source; fewer at its end.
/// @param piece memory for them
/// @param expected the probable number of bytes
atl::result<byte_buffer> next_piece(const byte_source& from, byte_buffer piece, std::size_t size,
                                    std::optional<std::uint64_t> expected) {
  piece.resize(0);
  // One byte more than expected: if it stays free, the source has ended.
  auto goal = std::min<std::uint64_t>(size, expected ? *expected + 1 : first_step_bytes);
  for (;;) {
    auto filled = piece.size();
    piece.resize(goal);
    auto got = from(piece.from(filled));
    if (!got)
      return tl::unexpected{got.error()};
    piece.resize(filled + *got);
    if (piece.size() < goal || goal == size)
      return piece;
    goal = std::min<std::uint64_t>(size, std::max(goal * step_factor, first_step_bytes));
  }
}

/// The largest file, by the name space's limits.
std::uint64_t file_bytes_max(const scheme& by) {
  return by.policy.chunk_bytes * limits::pieces_per_command_max;
}

tl::unexpected<atl::error> too_large(const std::string& path, const scheme& by) {
  return fail(errc::invalid,
              fmt::format("{} would be larger than {} bytes, which is the most: {} chunks of {} "
                          "bytes; a directory whose policy has a larger chunk_size takes larger "
                          "files",
                          in_quotes(path), file_bytes_max(by), limits::pieces_per_command_max,
                          by.policy.chunk_bytes));
}

/// Is a file of this size stored in the name space itself? A file is never safer than its name. But
/// a group of masters that survives no loss at all is no place for content that survives one.
bool goes_inline(std::uint64_t size, const scheme& by, const protocol::cluster_info& info) {
  return size <= by.policy.inline_bytes_max &&
         info.losses_survived >= std::min(by.policy.survives_losses, 1u);
}

/// Does it spare memory to send the chunks piece by piece, and can that be done?
bool is_streamed(const scheme& by, const protocol::cluster_info& info, const put_options& options) {
  constexpr std::uint64_t size_min = 4 << 20;
  return options.read_at && options.size.value_or(0) >= size_min &&
         !goes_inline(*options.size, by, info) && chunk_uploader::can_stream(by);
}

/// The bytes that are still expected from the source, if known.
std::optional<std::uint64_t> rest_of(std::optional<std::uint64_t> size, std::uint64_t taken) {
  if (!size || *size <= taken)
    return std::nullopt;
  return *size - taken;
}

/// @param taken bytes that were sent before
atl::result<std::vector<piece>> send_all(chunk_sender& sender, const byte_source& from,
                                         byte_buffer first, const std::string& path,
                                         const scheme& by, const put_options& options,
                                         std::uint64_t taken = 0) {
  const auto chunk_bytes = by.policy.chunk_bytes;
  auto piece = std::move(first);
  for (std::size_t chunks = taken / chunk_bytes + 1; piece.size() > 0; ++chunks) {
    if (chunks > limits::pieces_per_command_max)
      return too_large(path, by);
    auto is_last = piece.size() < chunk_bytes;
    if (auto left = rest_of(options.size, taken); left || is_last)
      sender.expect(is_last ? 1 : (*left + chunk_bytes - 1) / chunk_bytes);
    taken += piece.size();
    if (auto sent = sender.send(std::move(piece), is_last); !sent)
      return tl::unexpected{sent.error()};
    if (options.progress)
      options.progress(sender.stored(), options.size.value_or(0));
    if (is_last)
      break;
    auto next = next_piece(from, sender.take_buffer(), chunk_bytes, rest_of(options.size, taken));
    if (!next)
      return tl::unexpected{next.error()};
    piece = std::move(*next);
  }
  return sender.finish();
}

/// Sends chunks that aren't held in memory, as many as are expected, and then in memory what the
/// source has got meanwhile.
atl::result<std::vector<piece>> send_streamed(chunk_sender& sender, const std::string& path,
                                              const scheme& by, const put_options& options) {
  const auto chunk_bytes = by.policy.chunk_bytes;
  const auto size = *options.size;
  auto& read = options.read_at;
  for (std::uint64_t at = 0; at < size; at += chunk_bytes) {
    auto bytes = std::min<std::uint64_t>(chunk_bytes, size - at);
    auto is_last = at + bytes == size;
    sender.expect((size - at + chunk_bytes - 1) / chunk_bytes);
    chunk_source chunk{bytes, [&read, at](std::uint64_t offset, std::span<char> into) {
                         return read(at + offset, into);
                       }};
    if (auto sent = sender.send(std::move(chunk), is_last); !sent)
      return tl::unexpected{sent.error()};
    if (options.progress)
      options.progress(sender.stored(), size);
  }
  auto rest_at = size;
  byte_source rest = [&](std::span<char> into) {
    auto got = read(rest_at, into);
    rest_at += got.value_or(0);
    return got;
  };
  auto next = next_piece(rest, sender.take_buffer(), chunk_bytes, std::nullopt);
  if (!next)
    return tl::unexpected{next.error()};
  if (next->size() == 0)
    return sender.finish();
  return send_all(sender, rest, std::move(*next), path, by, options, size);
}

/// Stores the content in chunks by `send`, then makes the file visible.
atl::result<std::uint64_t>
put_chunks(control& masters, storage_pool& storages, const protocol::cluster_info& info,
           std::shared_ptr<const scheme> by, commands::make file, const put_options& options,
           const std::function<atl::result<std::vector<piece>>(chunk_sender&)>& send) {
  chunk_sender sender{storages, info, std::move(by)};
  auto pieces = send(sender);
  if (!pieces) {
    storages.leases().finish(sender.id());
    return tl::unexpected{pieces.error()};
  }
  auto size = sender.stored();
  file.content = std::move(*pieces);
  auto made = masters.run(std::move(file));
  storages.leases().finish(sender.id());
  if (!made)
    return tl::unexpected{made.error()};
  if (options.progress)
    options.progress(size, size);
  return size;
}

} // namespace

atl::result<std::uint64_t> upload(control& masters, storage_pool& storages, const byte_source& from,
                                  const std::string& path, const put_options& options) {
  auto where = new_place(path);
  if (!where)
    return tl::unexpected{where.error()};
  commands::make file;
  file.where = *where;
  file.inode = options.inode;
  file.parents_mode = options.parents_mode;
  file.existing =
      options.overwrite ? commands::make::if_exists::replace : commands::make::if_exists::refuse;
  file.parents = options.parents;
  auto by = storages.policies().find_for_new_file(*where);
  if (!by)
    return fail(by.error(), path);
  if (options.size.value_or(0) > file_bytes_max(**by))
    return too_large(path, **by);
  auto plugins = storages.plugins();
  if (!plugins)
    return tl::unexpected{plugins.error()};
  auto& info = (*plugins)->info();
  if (is_streamed(**by, info, options))
    return put_chunks(masters, storages, info, *by, std::move(file), options,
                      [&](auto& sender) { return send_streamed(sender, path, **by, options); });
  auto first = next_piece(from, {}, (*by)->policy.chunk_bytes, options.size);
  if (!first)
    return tl::unexpected{first.error()};
  std::uint64_t size = first->size();
  auto put_by = [&](const std::shared_ptr<const scheme>& scheme) {
    return put_chunks(masters, storages, info, scheme, file, options, [&](auto& sender) {
      return send_all(sender, from, std::move(*first), path, *scheme, options);
    });
  };
  if (size > 0 && !goes_inline(size, **by, info))
    return put_by(*by);
  if (size > 0)
    file.content.push_back({0, size, std::string{first->view()}});
  auto made = masters.run(file);
  if (!made && made.error().code == errc::refused && size > 0) {
    // The policy of the directory may have changed since it was looked up.
    storages.policies().forget(*where);
    auto now = storages.policies().find_for_new_file(*where);
    if (now && !goes_inline(size, **now, info))
      return put_by(*now);
  }
  if (!made)
    return tl::unexpected{made.error()};
  return size;
}

} // namespace dfs
