#pragma once

#include "common/repair_protocol.hpp"
#include "storage/fragment.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace dfs {

/// How a pass of a scrub is paced.
enum class scrub_pace : std::uint8_t {
  scheduled, ///< spread over the period, within the rate; waits while clients' requests run
  limited,   ///< as fast as the rate allows; waits while clients' requests run
  unlimited, ///< as fast as the disk allows
};
inline constexpr scrub_pace scrub_pace_last = scrub_pace::unlimited;

/// Where a scrub is: what it must remember over restarts.
struct scrub_position {
  bool is_under_way = false; ///< a pass has begun and not ended
  scrub_pace pace = scrub_pace::scheduled;
  std::uint64_t run = 0; ///< of the client that ordered the pass; 0: nobody did
  fragment_key next;     ///< fragments from this one on are still to be read
  protocol::scrub_status status;

  friend bool operator==(const scrub_position&, const scrub_position&) = default;
};

/// Decides when a storage node reads which of its fragments again, to find damage before the other
/// copies are damaged as well. A pass reads all fragments in the order of their keys, so those come
/// next that were read the longest time ago. Pure: times are arguments, and the host reads.
class scrubber {
 public:
  using microseconds = std::chrono::microseconds;

  struct limits {
    microseconds period{0};              ///< within which everything is read; > 0
    std::uint64_t bytes_per_second = 20; ///< > 0
  };
  struct moment {
    std::chrono::steady_clock::time_point steady; ///< for pauses
    std::uint64_t wall_us = 0;                    ///< since 1970, for periods
  };

  /// How long a scrub waits before it looks again whether clients' requests are under way.
  static constexpr microseconds yield_time = std::chrono::milliseconds{20};
  /// A pass of the schedule takes this part of the period, in hundredths, if nothing holds it up.
  static constexpr std::uint64_t scheduled_percent = 80;

  scrubber(limits given, scrub_position from);

  const scrub_position& position() const { return position_; }

  /// @returns whether a pass of the schedule should begin. @param stored_bytes here
  bool is_due(const moment& now, std::uint64_t stored_bytes) const;
  /// Begins a pass with the first fragment; a pass under way is given up.
  void begin(const moment& now, std::uint64_t stored_bytes, scrub_pace pace, std::uint64_t run = 0);

  /// What is stored here has become more: the pass under way reads that as well.
  void on_stored(std::uint64_t stored_bytes);

  /// How long to wait before the next fragment of the pass under way; 0: read now.
  microseconds wait_before_fragment(const moment& now, bool clients_wait) const;
  /// The same for more of a fragment that was begun, which is not spread over the period.
  microseconds wait_before_read(const moment& now, bool clients_wait) const;
  /// Bytes were read.
  void on_read(const moment& now, std::uint64_t bytes);
  /// A fragment was read to its end, or found damaged or missing. @param finding what was wrong;
  /// empty: nothing
  void on_checked(const fragment_key& key, std::string_view finding);
  /// There is no fragment from `position().next` on.
  void on_end(const moment& now);

 private:
  bool is_late(const moment& now) const;

  limits limits_;
  scrub_position position_;
  std::chrono::steady_clock::time_point may_read_at_{}; ///< by the rate
};

} // namespace dfs
