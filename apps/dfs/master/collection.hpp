#pragma once

#include "common/master_protocol.hpp"
#include "master/registry.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dfs {

/// A garbage collection on an operator's request, in three phases. The watermark passes every
/// chunk that was made before the request; every fragment on the nodes that are up is looked up
/// once; the fragments that nothing refers to are removed. Pure: the master carries out each step.
/// Not thread-safe.
class collection {
 public:
  using fragment = storage_registry::fragment;

  /// Begins a collection, or restarts it for a new request; a repeated request changes nothing.
  /// @param target_us chunks made before are examined
  /// @returns false if too many requests wait
  bool request(std::uint64_t id, std::uint64_t target_us, const storage_registry& registry);

  bool is_active() const { return phase_ != phase::idle && phase_ != phase::done; }
  bool waits_for_watermark() const { return phase_ == phase::watermark; }
  std::uint64_t target_us() const { return target_us_; }

  /// The number of the present pass over all fragments; results of look-ups of an earlier pass
  /// don't count.
  std::uint64_t pass() const { return pass_; }
  void abandon();

  /// The watermark has reached the target: no file can refer to an older unreferenced chunk any
  /// more. Changes nothing if a later request has moved the target since.
  void on_watermark_reached(std::uint64_t target_us, storage_registry& registry, steady_time now);
  /// Records that all fragments of a node below the watermark were looked up.
  void on_orphans_found(const std::string& node, std::uint64_t pass);
  /// Records that nothing refers to a fragment on a node.
  void on_unwanted(const std::string& node, const fragment& which);

  /// Counts removed fragments, and leaves out nodes that are down. @returns fragments whose removal
  /// must be ordered again, by node, because the order seems lost
  std::map<std::string, std::vector<fragment>> advance(const storage_registry& registry,
                                                       steady_time now);

  protocol::collect_state state(const storage_registry& registry) const;

 private:
  enum class phase { idle, watermark, fragments, done };

  phase phase_ = phase::idle;
  std::uint64_t pass_ = 0;
  std::set<std::uint64_t> requests_;
  std::uint64_t target_us_ = 0;
  std::map<std::string, std::uint64_t> removed_before_; ///< bytes, by node
  std::set<std::string> to_examine_;                    ///< nodes
  std::map<std::string, std::set<fragment>> unwanted_;
  std::set<std::string> skipped_; ///< nodes that are down
  std::uint64_t removed_ = 0;
  steady_time ordered_{};
};

} // namespace dfs
