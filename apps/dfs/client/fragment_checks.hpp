#pragma once

#include "bulk/connection.hpp"
#include "client/control.hpp"
#include "common/types.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dfs {

/// What storage nodes found when they read fragments.
struct fragment_findings {
  std::uint64_t fragments = 0;        ///< that were read
  std::vector<std::string> damaged{}; ///< a sentence for each that is damaged or gone
  std::vector<std::string> unknown{}; ///< a sentence for each that could not be read
};

/// Has storage nodes read fragments, and compare them with their checksums, over a connection to
/// each node. Calls block. Not thread-safe.
class fragment_checks {
 public:
  /// Asks the masters for the nodes.
  static atl::result<fragment_checks> open(const cluster_settings& cluster, control& masters);

  /// Reads all fragments of a chunk. One that is damaged is moved aside by its node.
  void check(const chunk_record& chunk, fragment_findings& found);

 private:
  struct node {
    std::string name;
    std::unique_ptr<bulk_connection> connection;
  };

  void check_fragment(const fragment_key& key, storage_id at, fragment_findings& found);

  std::map<storage_id, node> nodes_;
};

} // namespace dfs
