#pragma once

#include "bulk/async_connection.hpp"
#include "common/repair_protocol.hpp"
#include "common/transfer_attempts.hpp"
#include "node/rebuild_sources.hpp"
#include "settings/schemes.hpp"
#include "storage/fragment_store.hpp"

#include <atoll/core/error.hpp>
#include <atoll/net/worker_pool.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// As `scheme_library::find`; called by several threads at once.
using scheme_finder =
    std::function<atl::result<std::shared_ptr<const scheme>>(policy_id, const policy&)>;

/// What all tasks of a storage node share.
struct repair_tools {
  fragment_store& store;
  const scheme_finder& find_scheme;
  atl::net::worker_pool& disk; ///< for what waits for the disk, or computes
  repair_counters& counters;
  atl::spi::transfer_policy transfers{};
};

/// Carries out one task of a master, once. For the context's thread.
class repair_run {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  /// @param reading the options of the connections to the task's sources
  repair_run(std::shared_ptr<boost::asio::io_context> context, repair_tools tools,
             bulk_options reading, protocol::repair_task task);

  /// @returns how the task has ended, without the order's term.
  awaitable<protocol::task_result> run();
  /// Ends what waits for another node: `run` then returns soon, and no further source is asked.
  void interrupt();

 private:
  awaitable<void> copy();
  awaitable<bool> copy_from(const protocol::task_source& source);
  awaitable<void> report_other_content();
  awaitable<bool> copy_patiently(const protocol::task_source& source);
  awaitable<bool> pause_before_reading_again(transfer_attempts& attempts);
  awaitable<void> rebuild();
  awaitable<bool> rebuild_in_windows(const scheme& by);
  awaitable<void> rebuild_whole(const scheme& by);
  awaitable<void> verify();
  atl::status check_fits(const scheme& by) const;
  atl::status store_made(std::string_view chunk, const scheme& by);
  void note_failure(const protocol::task_source& source, const atl::error& why);
  awaitable<void> on_source_failed(const protocol::task_source& source, atl::error why);
  void fail_here(const atl::error& why);
  void fail_without_source();
  void succeed();
  fragment_key key() const { return {task_.chunk, task_.fragment}; }

  std::shared_ptr<boost::asio::io_context> context_;
  repair_tools tools_;
  const bulk_options reading_;
  const protocol::repair_task task_;
  std::unique_ptr<async_bulk_connection> source_; ///< that is being read from
  std::unique_ptr<rebuild_sources> sources_;      ///< that are being read from at the same time
  protocol::task_result result_;
  bool has_damaged_source_ = false; ///< `failed_source` is a damaged one
  /// Sources whose copies are in order by their own checksums, and aren't the chunk.
  std::vector<const protocol::task_source*> with_other_content_;
  bool is_interrupted_ = false;
  atl::errc last_failure_ = atl::errc::internal; ///< of a source
  boost::asio::steady_timer pause_{*context_};   ///< before a source is read again
};

} // namespace dfs
