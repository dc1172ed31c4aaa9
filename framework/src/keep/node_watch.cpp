#include "node_watch.hpp"

#include <algorithm>

namespace atl::keep {

namespace {

/// A node that returns sooner than that after its last return comes and goes.
constexpr spi::timestamp flapping_within{300'000'000};
constexpr std::uint32_t doublings_max = 16;
/// After a command about a node's state has failed.
constexpr spi::timestamp pause_after_failure{5'000'000};
constexpr spi::timestamp dead_after_max{4LL * 3600 * 1'000'000};

bool is_bad_liveness(liveness what) {
  return what == liveness::down;
}

} // namespace

void node_watch::on_nodes(std::span<const node_record> nodes, spi::timestamp now) {
  for (auto& [id, node] : nodes_)
    if (node.state != node_state::forgotten &&
        std::ranges::find(nodes, id, &node_record::id) == nodes.end()) {
      node.state = node_state::forgotten;
      ++badness_version_;
      ++members_version_;
    }
  for (const auto& record : nodes) {
    auto [entry, is_new] = nodes_.try_emplace(record.id);
    auto& node = entry->second;
    node.id = record.id;
    if (is_new)
      node.known_since = now;
    node.is_declaring = node.is_declaring && node.state == record.state;
    if (is_new || node.state != record.state) {
      node.state = record.state;
      ++badness_version_;
      ++members_version_;
    }
  }
}

void node_watch::on_heard(node_id id, std::uint64_t incarnation, const vitals& what,
                          spi::timestamp now) {
  auto known = nodes_.find(id);
  if (known == nodes_.end())
    return;
  auto& node = known->second;
  if (node.has_heard && node.incarnation != incarnation)
    node.detector.on_restart();
  if (!node.has_heard || node.last.domain != what.domain || node.last.weight != what.weight ||
      node.last.capacity_bytes != what.capacity_bytes)
    ++members_version_;
  if (node.liveness == liveness::down)
    note_return(node, now);
  node.has_heard = true;
  node.incarnation = incarnation;
  node.last = what;
  node.heard_at = now;
  node.detector.on_heartbeat(now);
  set_liveness(node, liveness::up);
}

/// Each return soon after the last one doubles the time after which the node counts as dead; each
/// time span without one halves it.
void node_watch::note_return(watched_node& node, spi::timestamp now) {
  if (node.returned_at && now - *node.returned_at < flapping_within)
    node.doublings = std::min(node.doublings + 1, doublings_max);
  else if (node.returned_at)
    node.doublings -= static_cast<std::uint32_t>(
        std::min<std::int64_t>(node.doublings, (now - *node.returned_at) / flapping_within));
  node.returned_at = now;
  node.detector.on_restart();
}

void node_watch::on_lead(spi::timestamp now) {
  leads_since_ = now;
  for (auto& [id, node] : nodes_) {
    node.is_declaring = false;
    node.declared_next = now;
  }
  refresh(now);
}

void node_watch::set_liveness(watched_node& node, liveness to) {
  if (node.liveness == to)
    return;
  if (is_bad_liveness(node.liveness) != is_bad_liveness(to))
    ++badness_version_;
  node.liveness = to;
}

void node_watch::refresh(spi::timestamp now) {
  for (auto& [id, node] : nodes_) {
    if (silence(node, now) >= settings_.down_after)
      set_liveness(node, liveness::down);
    else if (!node.has_heard)
      set_liveness(node, liveness::unheard);
    else
      set_liveness(node, node.detector.phi(now) >= settings_.suspect_phi ? liveness::suspect
                                                                         : liveness::up);
  }
}

spi::timestamp node_watch::silence(const watched_node& node, spi::timestamp now) const {
  return now - std::max(node.has_heard ? node.heard_at : node.known_since, leads_since_);
}

spi::timestamp node_watch::dead_after(const watched_node& node) const {
  auto base = std::max(settings_.dead_after, settings_.down_after);
  if (!rules_.damp_flapping)
    return base;
  auto longest = std::max(base, dead_after_max);
  auto doubled = base;
  for (std::uint32_t i = 0; i < node.doublings && doubled < longest; ++i)
    doubled *= 2;
  return std::min(doubled, longest);
}

/// When most nodes are silent at once, it is more likely that this leader is cut off.
bool node_watch::too_many_are_silent(spi::timestamp now) const {
  std::size_t counted = 0;
  std::size_t silent = 0;
  for (const auto& [id, node] : nodes_)
    if (!node.is_lost()) {
      ++counted;
      silent += silence(node, now) >= settings_.down_after ? 1 : 0;
    }
  return silent * 2 > counted;
}

std::vector<node_record> node_watch::decide(spi::timestamp now) {
  std::vector<node_record> decided;
  std::vector<watched_node*> too_silent;
  for (auto& [id, node] : nodes_) {
    if (node.is_declaring || now < node.declared_next)
      continue;
    auto limit = rules_.distrust_silence ? dead_after(node) : settings_.down_after;
    if (!node.is_lost() && silence(node, now) >= limit) {
      too_silent.push_back(&node);
    } else if (node.state == node_state::dead && node.has_heard && node.heard_at >= leads_since_ &&
               node.liveness == liveness::up) {
      node.is_declaring = true;
      decided.push_back({id, node_state::active});
    }
  }
  is_held_back_ = !too_silent.empty() && too_many_are_silent(now);
  if (is_held_back_)
    return decided;
  for (auto* node : too_silent) {
    node->is_declaring = true;
    decided.push_back({node->id, node_state::dead});
  }
  return decided;
}

void node_watch::on_declaration_failed(node_id id, spi::timestamp now) {
  if (auto known = nodes_.find(id); known != nodes_.end()) {
    known->second.is_declaring = false;
    known->second.declared_next = now + pause_after_failure;
  }
}

const watched_node* node_watch::find(node_id id) const {
  auto known = nodes_.find(id);
  return known == nodes_.end() ? nullptr : &known->second;
}

bool node_watch::is_lost(node_id id) const {
  auto* node = find(id);
  return !node || node->is_lost();
}

bool node_watch::is_bad(node_id id) const {
  auto* node = find(id);
  return !node || node->is_lost() || is_bad_liveness(node->liveness);
}

std::vector<node_id> node_watch::bad_nodes() const {
  std::vector<node_id> bad;
  for (const auto& [id, node] : nodes_)
    if (is_bad(id))
      bad.push_back(id);
  return bad;
}

} // namespace atl::keep
