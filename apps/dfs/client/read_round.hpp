#pragma once

#include "client/fragment_dispatch.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace dfs {

/// What came of asking the nodes of a chunk once.
struct read_round {
  bool is_done = false;
  bool unreached = false; ///< a node that may have a fragment could not be asked for it
  bool busy = false;      ///< one of these nodes was busy
  bool damaged = false;   ///< some fragments were damaged
  std::string problems;
  std::optional<atl::error> fatal; ///< another round wouldn't help

  void add_problem(std::string_view what);
  void add_failure(const failed_attempt& failed);
  void add_unknown_node(const fragment_holder& holder);
  void add_wrong_combinations(std::size_t count, std::uint32_t crc);
  /// The error for a chunk that can't be read from any of its nodes.
  atl::error verdict(const chunk_id& chunk) const;
};

} // namespace dfs
