#include "client/paths.hpp"
#include "client/transfers.hpp"
#include "client/upload_lease.hpp"
#include "namespace/namespace_limits.hpp"

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
  chunk_sender(control& masters, storage_pool& storages, std::shared_ptr<const scheme> by)
      : storages_{storages}, by_{std::move(by)}, lease_{masters,
                                                        std::chrono::microseconds{
                                                            storages.plugins()->info().grace_us}},
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
        promise->set_value(storages_.store(lease_, *by_, chunk));
      } catch (...) { // for example out of memory; reported where the outcome is awaited
        promise->set_exception(std::current_exception());
      }
    });
    return {};
  }

  /// All records, once all chunks are stored.
  atl::result<std::vector<piece>> finish() {
    while (!pending_.empty())
      if (auto settled = settle_one(); !settled)
        return tl::unexpected{settled.error()};
    return std::move(pieces_);
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
    pieces_.push_back({stored_, oldest.size, chunk_part{std::move(*record), 0}});
    stored_ += oldest.size;
    return {};
  }

  storage_pool& storages_;
  const std::shared_ptr<const scheme> by_;
  upload_lease lease_;
  boost::asio::thread_pool threads_;
  std::deque<sending> pending_;
  std::vector<piece> pieces_;
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

/// The bytes that are still expected from the source, if known.
std::optional<std::uint64_t> rest_of(std::optional<std::uint64_t> size, std::uint64_t taken) {
  if (!size || *size <= taken)
    return std::nullopt;
  return *size - taken;
}

atl::result<std::vector<piece>> send_all(chunk_sender& sender, const byte_source& from,
                                         std::string first, const std::string& path,
                                         const scheme& by, const put_options& options) {
  auto piece = std::move(first);
  std::uint64_t taken = 0;
  for (std::size_t chunks = 1; !piece.empty(); ++chunks) {
    if (chunks > limits::pieces_per_command_max)
      return too_large(path, by);
    taken += piece.size();
    auto is_last = piece.size() < by.policy.chunk_bytes;
    if (auto sent = sender.send(std::move(piece)); !sent)
      return tl::unexpected{sent.error()};
    if (options.progress)
      options.progress(sender.stored(), options.size.value_or(0));
    if (is_last)
      break;
    auto next = next_piece(from, by.policy.chunk_bytes, rest_of(options.size, taken));
    if (!next)
      return tl::unexpected{next.error()};
    piece = std::move(*next);
  }
  return sender.finish();
}

/// Stores the content in chunks, then makes the file visible.
atl::result<std::uint64_t> put_chunks(control& masters, storage_pool& storages,
                                      const byte_source& from, std::string first,
                                      std::shared_ptr<const scheme> by, commands::make file,
                                      const std::string& path, const put_options& options) {
  chunk_sender sender{masters, storages, by};
  auto pieces = send_all(sender, from, std::move(first), path, *by, options);
  auto end = [&] {
    // Only a hint: without it the master considers the upload under way for a while longer.
    std::ignore = masters.call(protocol::kind::finish,
                               protocol::encode(protocol::finish_request{sender.id()}));
  };
  if (!pieces) {
    if (pieces.error().code !=
        errc::unavailable) // otherwise the masters may be unavailable as well
      end();
    return tl::unexpected{pieces.error()};
  }
  auto size = sender.stored();
  file.content = std::move(*pieces);
  auto made = masters.run(std::move(file));
  end();
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
  auto first = next_piece(from, (*by)->policy.chunk_bytes, options.size);
  if (!first)
    return tl::unexpected{first.error()};
  std::uint64_t size = first->size();
  auto info = storages.plugins();
  if (size > 0 && !goes_inline(size, **by, info->info()))
    return put_chunks(masters, storages, from, std::move(*first), *by, std::move(file), path,
                      options);
  if (size > 0)
    file.content.push_back({0, size, *first});
  auto made = masters.run(file);
  if (!made && made.error().code == errc::refused && size > 0) {
    // The policy of the directory may have changed since it was looked up.
    storages.policies().forget(*where);
    auto now = storages.policies().find_for_new_file(*where);
    if (now && !goes_inline(size, **now, info->info()))
      return put_chunks(masters, storages, from, std::move(*first), *now, std::move(file), path,
                        options);
  }
  if (!made)
    return tl::unexpected{made.error()};
  return size;
}

} // namespace dfs
