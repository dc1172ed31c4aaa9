#pragma once

#include <atoll/sim/run_event.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <vector>

namespace atl::sim {

/// The part of a run to draw: the last `events` events, or the first ones after a given start.
struct diagram_window {
  std::int64_t from = 0; ///< microseconds since the start; 0: not given
  std::int64_t until = std::numeric_limits<std::int64_t>::max();
  std::size_t events = 400; ///< at most `diagram_events_max`
};

inline constexpr std::size_t diagram_events_max = 4'000;

/// Draws a run as a sequence diagram with a lifeline per replica and an arrow per message; time
/// flows down. Keeps only the events that it draws. Not thread-safe.
class diagram {
 public:
  explicit diagram(diagram_window window);

  void note(const run_event& event);
  /// A sink for `simulation_options::observe`; refers to this object.
  event_sink sink() {
    return [this](const run_event& event) { note(event); };
  }

  /// A self-contained SVG document; equal events make equal documents. @param heading lines above
  /// the picture
  std::string svg(const std::vector<std::string>& heading) const;

  /// A replica, as an event left it.
  struct lane {
    bool seen = false; ///< it lived, or something happened to it
    bool up = false;
    spi::replica_role role = spi::replica_role::follower;
    std::uint64_t term = 0;
    std::int64_t paused_until = 0;

    void follow(const run_event& event);
  };

 private:
  void forget_first();

  diagram_window window_;
  std::vector<lane> before_; ///< by replica, before the first event that is drawn
  std::deque<run_event> events_;
  std::string labels_; ///< names of faults that belong to the next message
  std::size_t left_out_ = 0;
};

} // namespace atl::sim
