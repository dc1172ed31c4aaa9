#pragma once

#include "danger_queue.hpp"
#include "scheme_answers.hpp"
#include "simulated_places.hpp"

#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace atl::compare {

/// How quickly lost fragments are noticed and made anew.
struct repair_speed {
  double detection = 0; ///< seconds
  double node_rate = 0; ///< bytes a second that a node receives
  /// Nodes that receive what one node has lost.
  double receivers = 1;
  /// Whether these are the nodes of its zone, so that others receive what a node of another zone
  /// has lost.
  bool are_by_zone = false;
  std::uint32_t zones = 1;
};

/// The state of all chunks while failures of several nodes overlap. Times are seconds and ascend.
class overlapping_failures {
 public:
  /// Refers to places and answers.
  overlapping_failures(const simulated_places& places, scheme_answers& answers,
                       const repair_speed& speed);

  /// A node loses all that it holds. @returns how many chunks are lost with it
  std::uint64_t fail_node(std::uint32_t node, double now);
  /// A node is away with all that it holds, and returns then.
  void take_away(std::uint32_t node, double now, double returns_at);
  /// Goes on with detection, returns and repairs until this time. @returns whether all is repaired,
  /// and no node is away
  bool advance(double until);
  /// Makes all chunks whole, also the lost ones: something else is written in their place.
  void end_episode();

  double take_rebuilt_bytes() { return std::exchange(rebuilt_bytes_, 0); }

 private:
  struct chunk_state {
    fragment_set missing = 0; ///< lost
    fragment_set away = 0;    ///< on nodes that will return; none of them is missing
    fragment_set known = 0;   ///< of both, those whose node's failure is detected
    /// Made anew on some other node while their node was away, which has failed or not since.
    fragment_set elsewhere = 0;
    bool is_touched = false;
    bool is_lost = false;
  };
  struct repair {
    std::uint32_t chunk = 0;
    std::uint32_t fragment = 0;
    double bytes = 0;
    double done = 0; ///< when
  };
  /// What repairs the chunks of one group, one fragment after the other.
  struct group_state {
    danger_queue waiting;
    std::optional<repair> current;
    double idle_since = 0;
    bool is_busy = false;
  };
  struct node_event {
    std::uint32_t node = 0;
    double at = 0;
  };

  void touch(std::uint32_t chunk);
  void note_zone(std::uint32_t node);
  void detect(std::uint32_t node, double now);
  void bring_back(const node_event& back);
  void enqueue(std::uint32_t chunk, double now);
  void advance_repairs(double until);
  /// @returns whether the group is still busy
  bool advance_group(group_state& group, double until);
  std::optional<repair> next_repair(group_state& group);
  void finish(const repair& done);
  double group_rate() const;

  const simulated_places& places_;
  scheme_answers& answers_;
  repair_speed speed_;
  std::vector<chunk_state> states_;
  std::vector<group_state> groups_;
  std::vector<std::uint32_t> busy_;    ///< groups
  std::vector<std::uint32_t> touched_; ///< chunks that were changed in this episode
  std::deque<node_event> undetected_;
  std::deque<node_event> returns_;
  std::vector<double> away_until_; ///< by node; in the past: it isn't away
  std::uint32_t away_ = 0;         ///< nodes
  std::vector<bool> zone_failed_;  ///< by zone: whether any of its nodes has in this episode
  std::uint32_t zones_failed_ = 0;
  double rebuilt_bytes_ = 0;
};

} // namespace atl::compare
