#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What rebalancing would move between storage nodes, as operators ask for it.
namespace dfs::protocol {

/// To the leading master.
struct rebalance_request {
  bool begins = false; ///< relieve overfull nodes as soon as possible
};

struct rebalanced_node {
  std::string name;
  double use = 0;                ///< 0 to 1, once the moves under way have ended
  std::uint64_t bytes_over = 0;  ///< that are to leave it
  std::uint64_t bytes_below = 0; ///< that it lacks to the mean
};

struct rebalancing_move {
  std::uint32_t from = 0; ///< index of a node in the message
  std::uint32_t to = 0;   ///< likewise
  std::uint64_t bytes = 0;
};

struct rebalance_state {
  double mean = 0;
  double threshold = 0;                ///< 0: no node is relieved
  std::uint64_t rate = 0;              ///< bytes a second; 0: any number
  std::uint64_t bytes = 0;             ///< of all moves, the listed and the unlisted ones
  std::uint64_t under_way = 0;         ///< fragments that wait to be moved, or are on their way
  bool waits_for_audit = false;        ///< nothing moves before nodes told what they hold
  std::vector<rebalanced_node> nodes;  ///< that take data
  std::vector<rebalancing_move> moves; ///< the first `rebalancing_moves_max`
};

inline constexpr std::size_t rebalancing_moves_max = 1000;

std::string encode(const rebalance_request& message);
std::string encode(const rebalance_state& message);

/// Decoders of bytes that may be hostile: `errc::corrupt` for anything malformed.
atl::result<rebalance_request> decode_rebalance_request(std::string_view bytes);
atl::result<rebalance_state> decode_rebalance_state(std::string_view bytes);

} // namespace dfs::protocol
