#pragma once

#include "client/control.hpp"
#include "client/stream.hpp"
#include "common/types.hpp"
#include "job/job_spec.hpp"
#include "job/result_joiner.hpp"
#include "settings/settings.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dfs {

class storage_pool;

/// A storage node, as one that does work for jobs.
struct job_node {
  storage_id id = no_storage;
  std::string name;
  std::string zone;
  double weight = 1;
  atl::endpoint where; ///< of its endpoint
};

struct job_outcome {
  job::job_result result;
  std::uint64_t pieces_at_nodes = 0; ///< pieces that a storage node worked on
  std::uint64_t pieces_here = 0;     ///< pieces whose bytes were read and worked on here
};

/// Runs jobs on files: a file's chunks go to storage nodes that hold them, through a dispatcher
/// with the cluster's balancer for reads; what the nodes say is joined here. A chunk that no node
/// can work on, for example because it must be decoded, is read and worked on here.
class job_runner {
 public:
  /// Waits until the nodes are connected, for a short time at most.
  /// @param masters must outlive the result, as must `storages`
  /// @returns an error if the balancer plugin can't be loaded or created
  static atl::result<std::unique_ptr<job_runner>> open(const cluster_settings& cluster,
                                                       control& masters, storage_pool& storages,
                                                       std::vector<job_node> nodes);
  job_runner(const job_runner&) = delete;
  job_runner& operator=(const job_runner&) = delete;
  ~job_runner();

  /// Runs one job; blocks. When it returns, no node works on the job any more, unless it couldn't
  /// be told so.
  /// @returns `errc::invalid` for a bad pattern; `errc::refused` for a line that is too long, and
  /// after `cancel`; an error of reading the file, or one that `lines` returned
  atl::result<job_outcome> run(const std::string& path, const job::job_spec& spec,
                               job::line_sink lines, const progress_report& progress);

  /// Ends the job under way; every later call of `run` is refused. Thread-safe; doesn't wait.
  void cancel();
  bool is_cancelled() const;

 private:
  friend class job_on_file;
  struct implementation;
  explicit job_runner(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

} // namespace dfs
