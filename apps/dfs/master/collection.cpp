#include "master/collection.hpp"

#include <algorithm>

namespace dfs {

namespace {

constexpr std::size_t requests_max = 64;
constexpr std::size_t ordered_again_max = 10000; ///< fragments of one node
/// A node without reports for so long is left out. Longer than a restart or a busy period takes.
constexpr auto left_out_after = std::chrono::seconds{15};
constexpr auto order_again_after = std::chrono::seconds{5};

} // namespace

bool collection::request(std::uint64_t id, std::uint64_t target_us,
                         const storage_registry& registry) {
  if (requests_.contains(id))
    return true;
  if (!is_active())
    abandon();
  if (requests_.size() >= requests_max)
    return false;
  requests_.insert(id);
  target_us_ = target_us;
  for (auto& [name, node] : registry.nodes())
    removed_before_.try_emplace(name, node.last.removed_bytes);
  to_examine_.clear();
  phase_ = phase::watermark;
  return true;
}

void collection::abandon() {
  auto pass = pass_;
  *this = collection{};
  pass_ = pass;
}

void collection::on_watermark_reached(std::uint64_t target_us, storage_registry& registry,
                                      steady_time now) {
  if (phase_ != phase::watermark || target_us != target_us_)
    return;
  phase_ = phase::fragments;
  ++pass_;
  ordered_ = now;
  for (auto& [name, node] : registry.nodes())
    if (node.id != no_storage) {
      to_examine_.insert(name);
      registry.find(name)->examined = {};
    }
}

void collection::on_orphans_found(const std::string& node, std::uint64_t pass) {
  if (phase_ == phase::fragments && pass == pass_)
    to_examine_.erase(node);
}

void collection::on_unwanted(const std::string& node, const fragment& which) {
  if (is_active())
    unwanted_[node].insert(which);
}

std::map<std::string, std::vector<collection::fragment>>
collection::advance(const storage_registry& registry, steady_time now) {
  std::map<std::string, std::vector<fragment>> again;
  if (!is_active())
    return again;
  skipped_.clear();
  for (auto& [name, node] : registry.nodes()) {
    auto& unwanted = unwanted_[name];
    if (node.complete) // an incomplete list may still name the fragment
      removed_ += std::erase_if(unwanted, [&has = node.has](auto& it) {
        auto held = has.find(it);
        return held == has.end() || held->generation != it.generation;
      });
    if (registry.alive(node, now) || now - node.seen < left_out_after)
      continue;
    skipped_.insert(name);
    to_examine_.erase(name);
    unwanted.clear();
  }
  std::erase_if(unwanted_, [](auto& entry) { return entry.second.empty(); });
  if (phase_ != phase::fragments)
    return again;
  if (to_examine_.empty() && unwanted_.empty())
    phase_ = phase::done;
  if (now - ordered_ < order_again_after)
    return again;
  ordered_ = now;
  for (auto& [name, unwanted] : unwanted_)
    for (auto& it : unwanted)
      if (again[name].size() < ordered_again_max)
        again[name].push_back(it);
  return again;
}

protocol::collect_state collection::state(const storage_registry& registry) const {
  protocol::collect_state found;
  found.phase = phase_ == phase::done        ? protocol::collect_phase::done
                : phase_ == phase::watermark ? protocol::collect_phase::waiting
                                             : protocol::collect_phase::collecting;
  found.fragments = removed_;
  for (auto& [name, unwanted] : unwanted_)
    found.fragments_left += unwanted.size();
  for (auto& [name, node] : registry.nodes())
    if (auto before = removed_before_.find(name); before != removed_before_.end())
      // A restarted node counts from 0.
      found.bytes +=
          node.last.removed_bytes - (node.last.removed_bytes < before->second ? 0 : before->second);
  found.nodes_down.assign(skipped_.begin(), skipped_.end());
  return found;
}

} // namespace dfs
