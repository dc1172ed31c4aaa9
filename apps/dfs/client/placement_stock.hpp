#pragma once

#include "client/suspect_nodes.hpp"
#include "common/master_protocol.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace dfs {

/// The places for the chunks of one upload. Asks a master for many at once, and keeps those that
/// aren't used yet. Places grow old, because the nodes fill up and fail meanwhile; places that are
/// never used are forgotten. Thread-safe.
class placement_stock {
 public:
  using clock = std::chrono::steady_clock;
  using allocate =
      std::function<atl::result<protocol::allocate_response>(const protocol::allocate_request&)>;

  /// Places asked for in one request.
  static constexpr std::uint64_t ask_max = 16;
  static constexpr std::chrono::seconds age_max{5};

  /// @param on_placed called for the first chunk of each answer
  /// @param suspects nodes that requests avoid; must outlive this object
  placement_stock(std::uint64_t upload, policy_id policy, allocate ask,
                  std::function<void(const chunk_id&)> on_placed, suspect_nodes& suspects);

  /// How many chunks the upload has left, the next one included. Without this, each request asks
  /// for twice as many places as the one before.
  void expect(std::uint64_t chunks);

  /// A place for a chunk of `bytes` bytes. Nodes in `avoid` and suspects are left out as long as
  /// enough other nodes remain (`protocol::allocate_request::avoid`). If the stock has no such
  /// place, a master is asked. Errors: those of `placement_service::place`, and of the request.
  atl::result<protocol::placement> take(std::size_t bytes, const std::vector<storage_id>& avoid,
                                        clock::time_point now);

 private:
  std::optional<protocol::placement> find(std::size_t bytes, const std::vector<storage_id>& avoid,
                                          clock::time_point now);
  atl::status ask(std::size_t bytes, const std::vector<storage_id>& avoid, clock::time_point now);
  std::uint64_t how_many() const;

  const std::uint64_t upload_;
  const policy_id policy_; ///< of the chunks
  const allocate ask_;
  const std::function<void(const chunk_id&)> on_placed_;
  suspect_nodes& suspects_;
  std::mutex mutex_; ///< guards what follows; held while a master is asked, so that one caller asks
  std::deque<protocol::placement> places_;
  std::size_t chunk_bytes_ = 0; ///< the largest chunk that the places are for
  clock::time_point asked_{};
  std::uint64_t asked_for_ = 0; ///< places in the last answer
  std::uint64_t used_ = 0;      ///< of these
  bool is_slow_ = false;        ///< places of the last answer grew old
  std::optional<std::uint64_t> expected_;
};

} // namespace dfs
