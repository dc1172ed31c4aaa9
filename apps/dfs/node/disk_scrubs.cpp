#include "node/disk_scrubs.hpp"

#include <algorithm>
#include <utility>

namespace dfs {

using protocol::scrub_phase;
using protocol::scrub_state;
using protocol::scrub_status;

/// It ends before it has begun as long as a disk's pass is under way, as one disk's does. A disk
/// that was never read, because it is empty, doesn't count.
scrub_status sum_scrubs(const std::vector<scrub_status>& parts) {
  scrub_status sum;
  auto is_reading = [](auto& part) { return part.ended_us < part.began_us; };
  auto one_reads = std::ranges::any_of(parts, is_reading);
  auto is_first = true;
  for (auto& part : parts) {
    if (part.began_us == 0)
      continue;
    sum.ended_us = is_first ? part.ended_us : std::min(sum.ended_us, part.ended_us);
    if (one_reads)
      sum.began_us = std::max(sum.began_us, is_reading(part) ? part.began_us : 0);
    else
      sum.began_us = is_first ? part.began_us : std::min(sum.began_us, part.began_us);
    is_first = false;
    sum.done_bytes += part.done_bytes;
    sum.total_bytes += part.total_bytes;
    sum.damaged += part.damaged;
    if (!part.last_finding.empty())
      sum.last_finding = part.last_finding;
  }
  return sum;
}

disk_scrubs::disk_scrubs(std::vector<scrub_host::settings> settings) {
  for (auto& each : settings)
    hosts_.push_back(each.store ? std::make_unique<scrub_host>(std::move(each)) : nullptr);
}

scrub_state disk_scrubs::order(const protocol::scrub_request& request) {
  auto phase = scrub_phase::done;
  std::vector<scrub_status> parts;
  for (auto& host : hosts_) {
    if (!host || !host->is_in_use())
      continue;
    auto state = host->order(request);
    if (state.phase == scrub_phase::replaced || phase == scrub_phase::replaced)
      phase = scrub_phase::replaced;
    else if (state.phase == scrub_phase::reading)
      phase = scrub_phase::reading;
    parts.push_back(std::move(state.status));
  }
  return {phase, sum_scrubs(parts)};
}

scrub_status disk_scrubs::status() const {
  std::vector<scrub_status> parts;
  for (auto& host : hosts_)
    if (host && host->is_in_use())
      parts.push_back(host->status());
  return sum_scrubs(parts);
}

std::vector<scrub_status> disk_scrubs::disks() const {
  std::vector<scrub_status> parts;
  for (auto& host : hosts_)
    parts.push_back(host ? host->status() : scrub_status{});
  return parts;
}

} // namespace dfs
