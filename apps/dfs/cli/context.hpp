#pragma once

#include "client/file_client.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/node/service_connection.hpp>

#include <memory>
#include <string>

namespace dfs::cli {

/// The exit codes of `dfs`, stable for scripts.
enum exit_code : int {
  done = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  exists = 4,
  unavailable = 5, ///< no master or storage node could serve the request in time
  corrupt = 6,
  no_space = 7,
  degraded = 8, ///< of `status`: the cluster works, but an operator must act
};

exit_code exit_code_of(atl::errc code);

/// Writes an error to standard error, with control characters escaped. @returns its exit code.
int report_error(const atl::error& problem);

/// The options and connections that all subcommands share.
struct context {
  std::string cluster_file; ///< from `--cluster`, $DFS_CLUSTER, or ./cluster.toml
  bool json = false;
  bool quiet = false;
  bool stale_ok = false; ///< reads may be answered from an old state: `--stale-ok`

  atl::result<cluster_settings> settings() const;
  /// Whom to call to administer the masters' group.
  atl::result<atl::node::service_address> masters_address() const;
  /// A connection to the masters, for commands that transfer no file data.
  atl::result<std::unique_ptr<control>> masters();
  atl::result<std::unique_ptr<file_client>> files();
  atl::spi::read_level read_level() const {
    return stale_ok ? atl::spi::read_level::local : atl::spi::read_level::linearizable;
  }

  /// With `stale_ok`, unless `quiet`, says on standard error how old what was shown may be.
  void note_staleness(const control& masters) const;

  /// The settings that the returned objects refer to.
  std::unique_ptr<cluster_settings> loaded;
};

/// `1.5 GiB`
std::string human_bytes(std::uint64_t bytes);
/// `2026-01-31 12:00:00`, in local time. @param since_1970_us is negative for a time before.
std::string human_time(std::int64_t since_1970_us);

} // namespace dfs::cli
