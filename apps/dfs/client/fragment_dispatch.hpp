#pragma once

#include "client/cluster_view.hpp"
#include "client/connection_pool.hpp"
#include "client/load_prober.hpp"
#include "client/transfer_progress.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/request_dispatcher.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

namespace dfs {

/// A node, and the fragment that it has of a chunk.
struct fragment_holder {
  storage_id node = no_storage;
  std::uint32_t fragment = 0;
};

/// A read that any one of its holders can answer, with the same bytes.
struct fragment_read {
  chunk_id chunk;
  std::vector<fragment_holder> holders;
  std::uint64_t fragment_bytes = 0; ///< the length that the fragment must have
  std::uint64_t offset = 0;         ///< in the fragment
  std::span<char> into;             ///< within the fragment from `offset` on
};

struct failed_attempt {
  fragment_holder at;
  atl::error why;
};

struct fragment_outcome {
  /// Whose bytes are in `into`; `no_storage`: nobody's, and `problem` says why.
  fragment_holder from;
  atl::error problem;
  std::vector<failed_attempt> failures; ///< in their order
};

class fragment_reading;

/// Reads fragments from storage nodes: carries out what a `request_dispatcher` decides. Each read
/// is carried out by the thread that wants it, which runs a context for as long as the read takes;
/// what all threads learn about the nodes comes together here. Thread-safe.
class fragment_dispatch {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  using context_pointer = std::shared_ptr<boost::asio::io_context>;

  /// @param view must outlive the result, as must `connections` and `progress`
  /// @returns an error if the balancer for reads can't be created
  static atl::result<std::shared_ptr<fragment_dispatch>> make(cluster_view& view,
                                                              const cluster_plugins& plugins,
                                                              connection_pool& connections,
                                                              transfer_progress& progress);
  fragment_dispatch(const fragment_dispatch&) = delete;
  fragment_dispatch& operator=(const fragment_dispatch&) = delete;
  ~fragment_dispatch();

  /// Begins a read. Unknown holders are left out. `what.into` must stay valid until `finish` has
  /// returned.
  /// @param context the calling thread's
  /// @param even_if_down also asks nodes that are said to be down
  std::shared_ptr<fragment_reading> begin(const context_pointer& context, fragment_read what,
                                          bool even_if_down = false);
  /// Waits until the read has ended, and nothing touches its memory any more. For the coroutine
  /// that began the read, in the thread of its context.
  awaitable<fragment_outcome> finish(std::shared_ptr<fragment_reading> reading);
  /// The read isn't wanted any more; `finish` is still to be called.
  void give_up(const std::shared_ptr<fragment_reading>& reading);

  /// How long a read at the node will take in comparison with other nodes; infinite: it is down.
  double cost(storage_id node);
  /// After which silence of its node a read of so many bytes is sent to a second node as well.
  std::chrono::microseconds hedge_delay(std::uint64_t bytes);
  atl::dispatch_counters counters();

 private:
  friend class fragment_reading;
  using reading_pointer = std::shared_ptr<fragment_reading>;

  fragment_dispatch(cluster_view& view, connection_pool& connections, transfer_progress& progress,
                    std::shared_ptr<atl::spi::balancer> balancer, const cluster_plugins& plugins);
  // The caller of these holds the mutex.
  void update_workers();
  void send_probes();
  void deliver();

  // Called by readings, in their threads.
  void report(std::uint64_t attempt, storage_id node, const atl::status& outcome,
              bool was_cancelled);
  void note_progress(std::uint64_t attempt);
  void advance_if_due();
  atl::spi::timestamp next_timer();

  cluster_view& view_;
  connection_pool& connections_;
  transfer_progress& progress_;
  std::mutex mutex_; ///< guards what follows
  atl::request_dispatcher dispatcher_;
  std::uint64_t generation_ = 0; ///< of the directory that the dispatcher has
  bool has_failures_ = false;    ///< since the directory was asked for
  std::vector<atl::dispatch_effect> effects_;
  std::unordered_map<std::uint64_t, reading_pointer> readings_; ///< by request
  std::unordered_map<std::uint64_t, reading_pointer> attempts_; ///< under way
  /// Made when the balancer wants probes. The last member, because its thread uses the others.
  std::unique_ptr<load_prober> prober_;
};

} // namespace dfs
