#pragma once

#include "client/job_runner.hpp"
#include "job/job_protocol.hpp"

#include <atoll/runtime/dispatcher.hpp>
#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/system.hpp>

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace dfs {

/// A piece of a file, and what the nodes that were asked made of it.
struct piece_under_way {
  piece part;
  std::uint64_t done = 0;                         ///< bytes of the piece whose result was joined
  std::optional<atl::result<std::string>> answer; ///< guarded by the mutex of its job's runner
};

struct job_runner::implementation {
  implementation(const cluster_settings& of, control& from, storage_pool& pool,
                 std::vector<job_node> workers);

  /// Gives what is left of a piece to the nodes that hold its chunk.
  void send(std::uint64_t job, const job::job_spec& spec,
            const std::shared_ptr<piece_under_way>& piece);
  /// @returns the answer; errc::refused once the job is cancelled
  atl::result<std::string> await(piece_under_way& piece);
  /// Ends the job's pieces at all nodes, and waits until they have ended.
  void end_pieces(std::uint64_t job);
  void wait_for_connections();
  std::size_t pieces_max() const;

  const cluster_settings& cluster;
  control& masters;
  storage_pool& storages;
  const std::vector<job_node> nodes;

  mutable std::mutex mutex; ///< before the actors, which use it to their end
  std::condition_variable changed;
  bool cancelled = false;

  atl::runtime::system actors;
  std::unique_ptr<atl::runtime::node_client> calls;
  std::unique_ptr<atl::runtime::dispatcher> workers;
};

} // namespace dfs
