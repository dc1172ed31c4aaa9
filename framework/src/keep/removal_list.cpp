#include "removal_list.hpp"

namespace atl::keep {

namespace {

constexpr spi::timestamp removal_timeout{60'000'000};

} // namespace

void removal_list::order_removal(node_id node, const fragment_key& key, std::uint64_t generation,
                                 std::uint64_t term, spi::timestamp now, outbox& out) {
  if (places_.contains({node, key}))
    return;
  order next;
  next.id = out.next_ticket();
  next.term = term;
  next.what = order::work::remove;
  next.at = node;
  next.key = key;
  next.generation = generation;
  orders_.emplace(next.id, removal{{node, key}, now + removal_timeout});
  places_[{node, key}] = next.id;
  ++counts_[node];
  out.emit(std::move(next));
}

void removal_list::erase(std::map<ticket, removal>::iterator which) {
  places_.erase(which->second.where);
  --counts_[which->second.where.node];
  orders_.erase(which);
}

std::optional<removal_list::place> removal_list::on_done(ticket id, const order_result& result) {
  auto known = orders_.find(id);
  if (known == orders_.end())
    return std::nullopt;
  removed_ += result.what == order_result::outcome::done ? 1 : 0;
  auto where = known->second.where;
  erase(known);
  return where;
}

void removal_list::expire(spi::timestamp now) {
  // Tickets ascend, and so do the deadlines.
  while (!orders_.empty() && orders_.begin()->second.deadline <= now)
    erase(orders_.begin());
}

void removal_list::on_orders_lost(node_id node) {
  std::erase_if(orders_, [&](const auto& entry) {
    if (entry.second.where.node != node)
      return false;
    places_.erase(entry.second.where);
    return true;
  });
  counts_.erase(node);
}

void removal_list::clear() {
  orders_.clear();
  places_.clear();
  counts_.clear();
  removed_ = 0;
}

bool removal_list::has_unit(node_id node, const unit_id& unit) const {
  auto first = places_.lower_bound({node, {unit, 0}});
  return first != places_.end() && first->first.node == node && first->first.key.unit == unit;
}

std::size_t removal_list::count(node_id node) const {
  auto known = counts_.find(node);
  return known == counts_.end() ? 0 : known->second;
}

} // namespace atl::keep
