#include "storage/scrubber.hpp"

#include <algorithm>
#include <string>

namespace dfs {

scrubber::scrubber(limits given, scrub_position from)
    : limits_{given}, position_{std::move(from)} {}

/// A clock that went back doesn't make the next pass wait for longer than a period.
bool scrubber::is_due(const moment& now, std::uint64_t stored_bytes) const {
  if (position_.is_under_way || stored_bytes == 0)
    return false;
  auto began = position_.status.began_us;
  return now.wall_us < began ||
         now.wall_us - began >= static_cast<std::uint64_t>(limits_.period.count());
}

void scrubber::begin(const moment& now, std::uint64_t stored_bytes, scrub_pace pace,
                     std::uint64_t run) {
  auto& status = position_.status;
  position_.is_under_way = true;
  position_.pace = pace;
  position_.run = run;
  position_.next = {};
  status.began_us = now.wall_us;
  status.done_bytes = 0;
  status.total_bytes = stored_bytes;
  status.damaged = 0;
  status.last_finding.clear();
  may_read_at_ = now.steady;
}

void scrubber::on_stored(std::uint64_t stored_bytes) {
  auto& total = position_.status.total_bytes;
  if (position_.is_under_way)
    total = std::max(total, stored_bytes);
}

bool scrubber::is_late(const moment& now) const {
  auto began = position_.status.began_us;
  return now.wall_us > began &&
         now.wall_us - began > static_cast<std::uint64_t>(limits_.period.count());
}

scrubber::microseconds scrubber::wait_before_read(const moment& now, bool clients_wait) const {
  if (position_.pace == scrub_pace::unlimited)
    return microseconds{0};
  using std::chrono::ceil;
  auto wait = std::max(ceil<microseconds>(may_read_at_ - now.steady), microseconds{0});
  if (is_late(now)) // busy clients must not keep damage from being found for ever
    return wait;
  return clients_wait ? std::max(wait, yield_time) : wait;
}

scrubber::microseconds scrubber::wait_before_fragment(const moment& now, bool clients_wait) const {
  auto wait = wait_before_read(now, clients_wait);
  if (position_.pace != scrub_pace::scheduled || is_late(now))
    return wait;
  auto& status = position_.status;
  auto part = static_cast<double>(std::min(status.done_bytes, status.total_bytes)) /
              static_cast<double>(std::max<std::uint64_t>(status.total_bytes, 1));
  auto due_us = static_cast<std::uint64_t>(part * static_cast<double>(scheduled_percent) / 100 *
                                           static_cast<double>(limits_.period.count()));
  auto passed_us = now.wall_us > status.began_us ? now.wall_us - status.began_us : 0;
  if (passed_us < due_us)
    wait = std::max(wait, microseconds{due_us - passed_us});
  return wait;
}

/// What was not used while the pass had to wait isn't made up for at once.
void scrubber::on_read(const moment& now, std::uint64_t bytes) {
  position_.status.done_bytes += bytes;
  auto takes = std::chrono::duration<double>(static_cast<double>(bytes) /
                                             static_cast<double>(limits_.bytes_per_second));
  may_read_at_ = std::max(may_read_at_, now.steady) +
                 std::chrono::ceil<std::chrono::steady_clock::duration>(takes);
}

void scrubber::on_checked(const fragment_key& key, std::string_view finding) {
  position_.next = key;
  ++position_.next.fragment;
  if (finding.empty())
    return;
  ++position_.status.damaged;
  position_.status.last_finding = std::string{finding.substr(0, protocol::finding_bytes_max)};
}

void scrubber::on_end(const moment& now) {
  position_.is_under_way = false;
  position_.next = {};
  position_.status.ended_us = now.wall_us;
  position_.status.total_bytes = position_.status.done_bytes; // what came and went meanwhile
}

} // namespace dfs
