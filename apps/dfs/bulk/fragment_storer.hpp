#pragma once

#include "bulk/async_connection.hpp"
#include "storage/fragment_store.hpp"

#include <atoll/core/error.hpp>
#include <atoll/net/worker_pool.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <span>

namespace dfs {

/// Stores a fragment that another node sends. Blocks that don't match their checksums are not
/// written, and nothing is visible before `commit`. Waits for the disk in the threads of a pool;
/// for the thread of one context.
class fragment_storer final : public fragment_sink {
 public:
  /// @param expected_size of the fragment; none: any
  fragment_storer(fragment_store& store, atl::net::worker_pool& disk, fragment_key key,
                  std::optional<std::uint64_t> expected_size = {});

  boost::asio::awaitable<atl::status> begin(std::uint64_t size) override;
  boost::asio::awaitable<atl::status> take(std::span<const std::byte> bytes,
                                           std::span<const std::uint32_t> crcs) override;

  /// Makes the fragment visible. If it is stored already, it gets another generation. @pre `begin`
  /// and every `take` have succeeded
  boost::asio::awaitable<atl::status> commit(durability how);
  /// Removes what was written and not committed. To be called last, whatever happened before.
  boost::asio::awaitable<void> drop();

  /// Was the last error one of this node, for example of its disk, and not one of the sender?
  bool has_failed_here() const { return has_failed_here_; }
  /// Bytes of the fragment. @pre `begin` has succeeded
  std::uint64_t size() const { return writer_->size(); }
  /// CRC-32C of what was taken so far.
  std::uint32_t content_crc() const { return content_crc_; }

 private:
  fragment_store& store_;
  atl::net::worker_pool& disk_;
  const fragment_key key_;
  const std::optional<std::uint64_t> expected_size_;
  std::optional<chunk_writer> writer_;
  std::uint32_t content_crc_ = 0;
  bool has_failed_here_ = false;
};

} // namespace dfs
