#pragma once

#include <atoll/compare/workload.hpp>
#include <atoll/spi/balancer.hpp>

#include <cstdint>
#include <queue>
#include <vector>

namespace atl::compare {

enum class event_kind : std::uint8_t {
  membership,     ///< members join or leave
  pauses,         ///< a member stops to work
  resumes,        ///< it goes on
  goes_down,      ///< all requests at a member fail
  comes_up,       ///< it takes requests again
  seen_down,      ///< hosts know that it is down
  seen_up,        ///< hosts know that it is back
  antagonist,     ///< a neighbour of a member changes its load
  request_ends,   ///< a member has served a request
  probe_arrives,  ///< a probe arrives at a member
  probe_answered, ///< its answer arrives at the host
};

struct event {
  double at = 0; ///< microseconds since the start
  event_kind what = event_kind::membership;
  std::uint32_t member = 0; ///< index
  std::uint32_t host = 0;
  std::uint64_t version = 0; ///< of `request_ends`: out of date unless it is the member's
  spi::probe_result probe{}; ///< of `probe_answered`
};

/// Events in the order of their times; of equal times, in the order in which they were added.
class timeline {
 public:
  void add(const event& it) { queue_.push({it, order_++}); }
  bool empty() const { return queue_.empty(); }
  const event& next() const { return queue_.top().what; }
  void pop() { queue_.pop(); }

 private:
  struct entry {
    event what;
    std::uint64_t order;

    bool operator<(const entry& other) const {
      return what.at != other.what.at ? what.at > other.what.at : order > other.order;
    }
  };

  std::priority_queue<entry> queue_;
  std::uint64_t order_ = 0;
};

/// Adds what happens to the members by the workload's own plan, without antagonists.
inline void add_planned_events(timeline& to, const workload& workload) {
  for (std::uint32_t i = 0; i < workload.members.size(); ++i) {
    auto& member = workload.members[i];
    for (auto at : {member.joins, member.leaves})
      if (at != 0)
        to.add({.at = at, .what = event_kind::membership, .member = i});
    for (auto& pause : member.paused) {
      to.add({.at = pause.from, .what = event_kind::pauses, .member = i});
      to.add({.at = pause.to, .what = event_kind::resumes, .member = i});
    }
    for (auto& down : member.down) {
      to.add({.at = down.from, .what = event_kind::goes_down, .member = i});
      to.add({.at = down.to, .what = event_kind::comes_up, .member = i});
      to.add({.at = down.from + workload.detection, .what = event_kind::seen_down, .member = i});
      to.add({.at = down.to + workload.detection, .what = event_kind::seen_up, .member = i});
    }
  }
}

} // namespace atl::compare
