#pragma once

#include "bulk/bulk_options.hpp"
#include "client/busy_wait.hpp"
#include "client/connection_pool.hpp"
#include "client/transfer_progress.hpp"
#include "common/durability.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/latency_histogram.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

namespace dfs {

/// A fragment that is to be stored on a node.
struct fragment_write {
  storage_id node = no_storage;
  write_target target;
};

struct failed_write {
  atl::error why;
  bool suspect = false; ///< false: the node may merely be downstream of a node that failed
};
using failed_writes = std::map<storage_id, failed_write>;

/// How long a write takes that isn't the slowest of its chunk. Thread-safe.
class write_latencies {
 public:
  void add(std::chrono::microseconds latency);
  /// How long to wait for the slowest fragments once enough are stored.
  std::chrono::microseconds straggler_time(std::chrono::microseconds at_least);

 private:
  std::mutex mutex_;
  atl::latency_histogram latencies_;
};

/// Stores the fragments of one chunk. For one thread.
class fragment_writes {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  struct tools {
    connection_pool& connections;
    transfer_progress& progress;
    write_latencies& latencies;
    bulk_timeouts timeouts; ///< for a node that says nothing
    atl::spi::transfer_policy policy;
  };

  /// @param with must outlive this object, as must the context
  fragment_writes(const tools& with, std::shared_ptr<boost::asio::io_context> context,
                  const chunk_id& chunk, durability how);

  /// Stores the same bytes on all nodes, in a pipeline. Nodes that are busy are asked again, as are
  /// nodes that fail while the policy allows further sends. A node whose disk gives back other
  /// bytes than it was given gets them once more, whatever the policy says.
  /// @returns the outcome of each fragment that couldn't be stored.
  awaitable<failed_writes> write_copies(std::vector<fragment_write> targets,
                                        std::string_view bytes);
  /// Stores a fragment on each node, all at the same time. Once `enough` are stored, a fragment
  /// that takes much longer than usual is given up. @param fragments as many as targets
  awaitable<failed_writes> write_fragments(std::vector<fragment_write> targets,
                                           std::span<const std::string_view> fragments,
                                           std::size_t enough);

 private:
  /// Nodes that get the same bytes, and the connection to the first of them.
  struct pipeline {
    std::vector<fragment_write> targets;
    std::string_view bytes;
    std::uint32_t crc = 0; ///< of the bytes, if nodes must answer it
    async_bulk_connection* over = nullptr;
    boost::asio::steady_timer* pause = nullptr; ///< under way, because nodes are busy
    bool is_given_up = false;
    bool has_ended = false;
    failed_writes problems{};
  };

  awaitable<void> write_patiently(pipeline& to);
  /// The targets without the fragment that may get it again.
  struct unwritten {
    std::vector<fragment_write> busy;
    std::vector<fragment_write> failed;
  };
  awaitable<unwritten> write_once(pipeline& to, bool await_go);
  pipeline pipeline_to(std::vector<fragment_write> targets, std::string_view bytes) const;
  atl::status check_result(const pipeline& to, const target_result& result) const;
  bool may_resend(const atl::error& why) const;
  awaitable<void> write_beside(pipeline& to, std::size_t& running, std::size_t& stored);
  awaitable<void> wait_for(std::chrono::microseconds length);
  void give_up(std::span<pipeline> all);

  const tools& with_;
  const std::shared_ptr<boost::asio::io_context> context_;
  const chunk_id chunk_;
  const durability how_;
  boost::asio::steady_timer wake_;
};

} // namespace dfs
