#include "master/collection.hpp"

#include <algorithm>

namespace dfs {

namespace {

constexpr std::size_t requests_max = 64;
/// A node without reports for so long is left out. Longer than a restart or a busy period takes.
constexpr auto left_out_after = std::chrono::seconds{15};

} // namespace

bool collection::request(std::uint64_t id, std::uint64_t target_us,
                         const storage_registry& registry, const progress& now) {
  if (requests_.contains(id))
    return true;
  if (!is_active()) {
    abandon();
    removed_before_ = now.removed;
  }
  if (requests_.size() >= requests_max)
    return false;
  requests_.insert(id);
  target_us_ = target_us;
  for (const auto& [name, node] : registry.nodes())
    bytes_before_.try_emplace(name, node.last.removed_bytes);
  round_.reset();
  phase_ = phase::watermark;
  last_ = now;
  return true;
}

void collection::abandon() {
  *this = collection{};
}

void collection::on_watermark_reached(std::uint64_t target_us) {
  if (phase_ == phase::watermark && target_us == target_us_)
    phase_ = phase::fragments;
}

void collection::on_audit_begun(std::uint64_t round, const progress& now) {
  round_ = round;
  removed_at_audit_ = now.removed;
}

void collection::advance(const storage_registry& registry, const progress& so_far,
                         steady_time now) {
  if (!is_active())
    return;
  last_ = so_far;
  skipped_.clear();
  auto awaits_node = false;
  for (const auto& [name, node] : registry.nodes()) {
    if (registry.alive(node, now))
      continue;
    if (now - node.seen < left_out_after)
      awaits_node = true;
    else
      skipped_.insert(name);
  }
  if (phase_ != phase::fragments || !round_ || awaits_node || so_far.audit_round < *round_ ||
      so_far.being_removed > 0)
    return;
  // Orders may have been lost: only an audit that finds nothing is the last one.
  if (so_far.removed == removed_at_audit_)
    phase_ = phase::done;
  round_.reset();
}

protocol::collect_state collection::state(const storage_registry& registry) const {
  protocol::collect_state found;
  found.phase = phase_ == phase::done        ? protocol::collect_phase::done
                : phase_ == phase::watermark ? protocol::collect_phase::waiting
                                             : protocol::collect_phase::collecting;
  found.fragments = last_.removed - std::min(last_.removed, removed_before_);
  found.fragments_left = last_.being_removed;
  for (const auto& [name, node] : registry.nodes())
    if (auto before = bytes_before_.find(name); before != bytes_before_.end())
      // A restarted node counts from 0.
      found.bytes +=
          node.last.removed_bytes - (node.last.removed_bytes < before->second ? 0 : before->second);
  found.nodes_down.assign(skipped_.begin(), skipped_.end());
  return found;
}

} // namespace dfs
