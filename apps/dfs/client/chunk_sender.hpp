#pragma once

#include "client/byte_buffer.hpp"
#include "client/chunk_source.hpp"
#include "client/storage_pool.hpp"
#include "client/upload_leases.hpp"
#include "common/master_protocol.hpp"

#include <atoll/core/error.hpp>

#include <boost/asio/thread_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace dfs {

/// Stores the chunks of one file, a few at a time, and keeps their records in order. For one
/// thread.
class chunk_sender {
 public:
  chunk_sender(storage_pool& storages, const protocol::cluster_info& info,
               std::shared_ptr<const scheme> by);
  ~chunk_sender();

  std::uint64_t id() const { return lease_.id(); }
  /// How many chunks are left, the next one included.
  void expect(std::uint64_t chunks) { places_->expect(chunks); }

  /// Stores a chunk; blocks while `chunks_under_way` are. A file's only chunk is stored by the
  /// calling thread.
  atl::status send(byte_buffer data, bool is_last);
  /// The same of a chunk that isn't in memory. The source is gone when the chunk is stored.
  atl::status send(chunk_source from, bool is_last);

  /// All records, once all chunks are stored.
  atl::result<std::vector<piece>> finish();

  std::uint64_t stored() const { return stored_; }

  /// The memory of a chunk that is stored: fresh memory costs a page fault for each 4 KiB.
  byte_buffer take_buffer();

 private:
  struct sending;

  atl::status send(std::shared_ptr<sending> task, bool is_last);
  atl::status settle_one();
  atl::status add(atl::result<chunk_record> record, std::size_t size);

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

} // namespace dfs
