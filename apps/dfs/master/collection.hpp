#pragma once

#include "common/master_protocol.hpp"
#include "master/registry.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dfs {

/// A garbage collection on an operator's request, in two phases. The watermark passes every chunk
/// that was made before the request; then the keeper audits all nodes that are up, and removes what
/// nothing refers to, until an audit finds nothing any more. Pure: the master carries out each
/// step. Not thread-safe.
class collection {
 public:
  /// How far the keeper is.
  struct progress {
    std::uint64_t audit_round = 0;   ///< the last one that is done
    std::uint64_t removed = 0;       ///< fragments, since this master leads
    std::uint64_t being_removed = 0; ///< ordered, not yet carried out
  };

  /// Begins a collection, or restarts it for a new request; a repeated request changes nothing.
  /// @param target_us chunks made before are examined
  /// @returns false if too many requests wait
  bool request(std::uint64_t id, std::uint64_t target_us, const storage_registry& registry,
               const progress& now);

  bool is_active() const { return phase_ != phase::idle && phase_ != phase::done; }
  bool waits_for_watermark() const { return phase_ == phase::watermark; }
  std::uint64_t target_us() const { return target_us_; }
  void abandon();

  /// The watermark has reached the target: no file can refer to an older unreferenced chunk any
  /// more. Changes nothing if a later request has moved the target since.
  void on_watermark_reached(std::uint64_t target_us);

  /// Is another audit of all nodes wanted? Its number is given by `on_audit_begun`.
  bool wants_audit() const { return phase_ == phase::fragments && !round_; }
  void on_audit_begun(std::uint64_t round, const progress& now);

  /// Counts removed fragments, and leaves out nodes that are down.
  void advance(const storage_registry& registry, const progress& so_far, steady_time now);

  protocol::collect_state state(const storage_registry& registry) const;

 private:
  enum class phase { idle, watermark, fragments, done };

  phase phase_ = phase::idle;
  std::set<std::uint64_t> requests_;
  std::uint64_t target_us_ = 0;
  std::optional<std::uint64_t> round_; ///< of the audit under way
  std::uint64_t removed_at_audit_ = 0;
  std::uint64_t removed_before_ = 0; ///< fragments, by the keeper, before the request
  std::map<std::string, std::uint64_t> bytes_before_; ///< removed, by node
  std::set<std::string> skipped_;                     ///< nodes that are down
  progress last_;
};

} // namespace dfs
