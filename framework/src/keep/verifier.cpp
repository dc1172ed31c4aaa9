#include "verifier.hpp"

#include <utility>

namespace atl::keep {

namespace {

/// A verification may wait behind others, and reads up to the largest fragment.
constexpr spi::timestamp verification_timeout{120'000'000};

} // namespace

void verifier::add(check what) {
  place where{what.node, {what.unit.id, what.fragment}};
  if (keys_.try_emplace(where, what.why).second)
    waiting_[what.node].push_back(std::move(what));
}

void verifier::order_next(node_id node, std::uint64_t term, spi::timestamp now, outbox& out) {
  auto next = std::move(waiting_[node].front());
  waiting_[node].pop_front();
  order verify;
  verify.id = out.next_ticket();
  verify.term = term;
  verify.what = order::work::verify;
  verify.at = node;
  verify.key = {next.unit.id, next.fragment};
  verify.unit_bytes = next.unit.size_bytes;
  verify.policy = next.unit.policy;
  running_.emplace(verify.id, running{std::move(next), now + verification_timeout});
  ++counts_[node];
  out.emit(std::move(verify));
}

void verifier::drop_waiting(node_id node) {
  for (const auto& each : std::exchange(waiting_[node], {}))
    keys_.erase({node, {each.unit.id, each.fragment}});
}

void verifier::finish(std::map<ticket, running>::iterator which) {
  const auto& what = which->second.what;
  keys_.erase({what.node, {what.unit.id, what.fragment}});
  --counts_[what.node];
  running_.erase(which);
}

std::optional<verifier::check> verifier::on_done(ticket id) {
  auto known = running_.find(id);
  if (known == running_.end())
    return std::nullopt;
  auto what = known->second.what;
  finish(known);
  return what;
}

void verifier::on_relocated(const fragment_key& key, node_id to) {
  auto correct = [&](check& each) {
    if (each.unit.id == key.unit && key.fragment < each.unit.nodes.size())
      each.unit.nodes[key.fragment] = to;
  };
  for (auto& [id, each] : running_)
    correct(each.what);
  for (auto& [node, line] : waiting_)
    for (auto& each : line)
      correct(each);
}

void verifier::expire(spi::timestamp now) {
  while (!running_.empty() && running_.begin()->second.deadline <= now)
    finish(running_.begin());
}

void verifier::on_orders_lost(node_id node) {
  auto& line = waiting_[node];
  std::erase_if(running_, [&](auto& entry) {
    if (entry.second.what.node != node)
      return false;
    line.push_back(std::move(entry.second.what));
    return true;
  });
  counts_.erase(node);
}

void verifier::clear() {
  waiting_.clear();
  running_.clear();
  keys_.clear();
  counts_.clear();
}

std::size_t verifier::running_on(node_id node) const {
  auto known = counts_.find(node);
  return known == counts_.end() ? 0 : known->second;
}

bool verifier::has_any(node_id node) const {
  auto first = keys_.lower_bound({node, {}});
  return first != keys_.end() && first->first.node == node;
}

} // namespace atl::keep
