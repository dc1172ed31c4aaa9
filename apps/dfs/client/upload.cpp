#include "client/byte_buffer.hpp"
#include "client/chunk_sender.hpp"
#include "client/paths.hpp"
#include "client/spool_file.hpp"
#include "client/transfers.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;

/// Memory for a whole chunk costs a page fault for each 4 KiB, so the buffer of a source of unknown
/// size grows step by step.
constexpr std::uint64_t first_step_bytes = 64 << 10;
constexpr std::uint64_t step_factor = 4;

/// Read at once from a source whose chunks are kept in files; it fits into a processor's cache.
constexpr std::uint64_t spool_step_bytes = 256 << 10;

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

/// Content of fewer bytes is held in memory while it is sent.
constexpr std::uint64_t bytes_to_stream_min = 4 << 20;

/// Does it spare memory to send the chunks piece by piece, and can that be done?
bool is_streamed(const scheme& by, const protocol::cluster_info& info, const put_options& options) {
  return options.read_at && options.size.value_or(0) >= bytes_to_stream_min &&
         !goes_inline(*options.size, by, info) && chunk_uploader::can_stream(by);
}

/// The same for a source that can be read only once.
bool is_spooled(const scheme& by) {
  return by.policy.chunk_bytes > bytes_to_stream_min && chunk_uploader::can_stream(by);
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

/// Keeps the source's next chunk in a file. It is shorter, or empty, at the source's end.
/// @param begun the chunk's first bytes, which were read before
atl::result<spool_file> spool_chunk(const byte_source& from, std::string_view begun,
                                    std::uint64_t chunk_bytes, byte_buffer& scratch) {
  auto kept = spool_file::create(spool_folder());
  if (!kept)
    return kept;
  if (auto added = kept->append(begun); !added)
    return tl::unexpected{added.error()};
  while (kept->size() < chunk_bytes) {
    scratch.resize(std::min<std::uint64_t>(spool_step_bytes, chunk_bytes - kept->size()));
    auto got = from(scratch.from(0));
    if (!got)
      return tl::unexpected{got.error()};
    if (auto added = kept->append(scratch.view().substr(0, *got)); !added)
      return tl::unexpected{added.error()};
    if (*got < scratch.size())
      break;
  }
  return kept;
}

/// Sends the chunks of a source that can be read only once without holding one in memory. They are
/// kept in files until they are stored, because a chunk is sent again when a node fails.
/// @param first bytes of the source that were read before; fewer than a chunk has
atl::result<std::vector<piece>> send_spooled(chunk_sender& sender, const byte_source& from,
                                             byte_buffer first, const std::string& path,
                                             const scheme& by, const put_options& options) {
  const auto chunk_bytes = by.policy.chunk_bytes;
  byte_buffer scratch;
  for (std::size_t chunks = 1;; ++chunks) {
    auto kept = spool_chunk(from, first.view(), chunk_bytes, scratch);
    if (!kept)
      return tl::unexpected{kept.error()};
    first = {};
    if (kept->size() == 0)
      break;
    if (chunks > limits::pieces_per_command_max)
      return too_large(path, by);
    auto is_last = kept->size() < chunk_bytes;
    if (is_last)
      sender.expect(1);
    chunk_source chunk{kept->size(), kept->reader()};
    if (auto sent = sender.send(std::move(chunk), is_last); !sent)
      return tl::unexpected{sent.error()};
    if (options.progress)
      options.progress(sender.stored(), options.size.value_or(0));
    if (is_last)
      break;
  }
  return sender.finish();
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
  const auto is_kept_in_files = is_spooled(**by);
  const auto first_bytes = is_kept_in_files ? bytes_to_stream_min : (*by)->policy.chunk_bytes;
  auto first = next_piece(from, {}, first_bytes, options.size);
  if (!first)
    return tl::unexpected{first.error()};
  std::uint64_t size = first->size();
  if (is_kept_in_files && size == first_bytes)
    return put_chunks(masters, storages, info, *by, std::move(file), options, [&](auto& sender) {
      return send_spooled(sender, from, std::move(*first), path, **by, options);
    });
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
