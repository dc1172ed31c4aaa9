#pragma once

#include "client/file_client.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>

#include <memory>
#include <string>

namespace dfs::cli {

/// What `dfs` exits with; a script can rely on it.
enum exit_code : int {
  done = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  exists = 4,
  unavailable = 5, ///< no master or storage node could do it, or not in time
  corrupt = 6,
  no_space = 7,
  degraded = 8, ///< of `status`: the cluster works, and something needs an operator
};

exit_code exit_code_of(atl::errc code);

/// Says on standard error what went wrong, with control characters escaped. @returns the exit code
/// for it.
int complain(const atl::error& problem);

/// What all subcommands share.
struct context {
  std::string cluster_file; ///< from `--cluster`, $DFS_CLUSTER, or ./cluster.toml
  bool json = false;
  bool quiet = false;
  bool stale_ok = false; ///< reads may be answered from an old state: `--stale-ok`

  atl::result<cluster_settings> settings() const;
  /// The masters alone, for commands that move no data.
  atl::result<std::unique_ptr<control>> masters();
  atl::result<std::unique_ptr<file_client>> files();
  atl::spi::read_level read_level() const {
    return stale_ok ? atl::spi::read_level::local : atl::spi::read_level::linearizable;
  }

  /// With `stale_ok`, unless `quiet`, says on standard error how old what was shown may be.
  void note_staleness(const control& masters) const;

  /// Outlives what was made from it.
  std::unique_ptr<cluster_settings> loaded;
};

/// For a command line that a person copies: a word with blanks and the like in it gets quotes.
std::string shell_word(const std::string& word);

/// `1.5 GiB`
std::string human_bytes(std::uint64_t bytes);
/// `2026-01-31 12:00:00`, in local time. @param since_1970_us is negative for a time before.
std::string human_time(std::int64_t since_1970_us);

} // namespace dfs::cli
