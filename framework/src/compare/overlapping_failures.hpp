#pragma once

#include "danger_queue.hpp"
#include "scheme_answers.hpp"
#include "simulated_places.hpp"

#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace atl::compare {

/// The state of all chunks while failures of several nodes overlap. Times are seconds and ascend.
class overlapping_failures {
 public:
  /// Refers to its arguments.
  /// @param group_rate bytes a second that are received for the chunks of one group of the places
  overlapping_failures(const simulated_places& places, scheme_answers& answers, double detection,
                       double group_rate);

  /// A node loses all that it holds. @returns how many chunks are lost with it
  std::uint64_t fail_node(std::uint32_t node, double now);
  /// Goes on with detection and repairs until this time. @returns whether all is repaired
  bool advance(double until);
  /// Makes all chunks whole, also the lost ones: something else is written in their place.
  void end_episode();

  double take_rebuilt_bytes() { return std::exchange(rebuilt_bytes_, 0); }

 private:
  struct chunk_state {
    fragment_set missing = 0;
    fragment_set known = 0; ///< of these, those whose node's failure is detected
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
  struct undetected {
    std::uint32_t node = 0;
    double at = 0; ///< when it will be detected
  };

  void detect(std::uint32_t node, double now);
  void enqueue(std::uint32_t chunk, double now);
  void advance_repairs(double until);
  /// @returns whether the group is still busy
  bool advance_group(group_state& group, double until);
  std::optional<repair> next_repair(group_state& group);
  void finish(const repair& done);

  const simulated_places& places_;
  scheme_answers& answers_;
  double detection_;
  double group_rate_;
  std::vector<chunk_state> states_;
  std::vector<group_state> groups_;
  std::vector<std::uint32_t> busy_;    ///< groups
  std::vector<std::uint32_t> touched_; ///< chunks that lost a fragment in this episode
  std::deque<undetected> undetected_;
  double rebuilt_bytes_ = 0;
};

} // namespace atl::compare
