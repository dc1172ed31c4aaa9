#include "survey.hpp"

#include <algorithm>

namespace atl::keep {

void survey::restart() {
  is_passing_ = false;
  query_ = 0;
  empty_.clear();
}

void survey::begin(spi::timestamp now) {
  is_passing_ = true;
  ++pass_;
  began_ = now;
  badness_version_ = nodes_.badness_version();
  bad_ = nodes_.bad_nodes();
  next_empty_.clear();
  stage_ = stage::incomplete;
  after_spare_ = 0;
  after_ = {};
  at_ = 0;
  ask();
}

void survey::ask() {
  unit_query next;
  next.id = query_ = out_.next_ticket();
  next.units_max = page_units_max;
  next.after = after_;
  switch (stage_) {
  case stage::incomplete:
    next.what = unit_query::scope::incomplete;
    next.after_spare = after_spare_;
    break;
  case stage::nodes:
    next.what = unit_query::scope::on_node;
    next.node = bad_[at_];
    break;
  case stage::exceptions:
    next.what = unit_query::scope::known;
    next.after = {};
    next.ids = asked_;
    break;
  }
  out_.ask(std::move(next));
}

/// A unit is visited where the pass meets it first.
bool survey::is_first_visit(const unit_record& unit) const {
  if (stage_ == stage::incomplete)
    return true;
  if (std::ranges::find(unit.nodes, no_node) != unit.nodes.end())
    return false;
  for (auto node : unit.nodes) {
    auto bad = std::ranges::lower_bound(bad_, node);
    if (bad == bad_.end() || *bad != node)
      continue;
    if (stage_ == stage::exceptions || node < bad_[at_])
      return false;
  }
  return true;
}

bool survey::next_stage() {
  after_ = {};
  found_any_ = false;
  if (stage_ == stage::nodes) {
    ++at_;
  } else if (stage_ == stage::incomplete) {
    stage_ = stage::nodes;
    at_ = 0;
  }
  if (stage_ == stage::nodes && at_ < bad_.size())
    return true;
  if (stage_ == stage::nodes) {
    stage_ = stage::exceptions;
    asked_ = {};
  }
  auto last = asked_.empty() ? unit_id{} : asked_.back();
  asked_ = exceptions_.units_after(last, known_ids_max);
  return !asked_.empty();
}

bool survey::on_page(std::span<const unit_record> units, bool more, std::uint8_t last_spare,
                     const visitor& visit) {
  query_ = 0;
  if (stage_ == stage::exceptions) {
    for (const auto& id : asked_)
      if (auto known = std::ranges::lower_bound(units, id, {}, &unit_record::id);
          known == units.end() || known->id != id)
        exceptions_.erase_unit(id);
      else
        exceptions_.keep_only(*known);
    more = false;
  }
  for (const auto& unit : units)
    if (is_first_visit(unit))
      visit(unit);
  found_any_ = found_any_ || !units.empty();
  if (more && !units.empty()) {
    after_ = units.back().id;
    after_spare_ = last_spare;
  } else {
    if (stage_ == stage::nodes && !found_any_)
      next_empty_.push_back(bad_[at_]);
    if (!next_stage()) {
      is_passing_ = false;
      empty_ = next_empty_;
      return true;
    }
  }
  ask();
  return false;
}

bool survey::is_empty(node_id node) const {
  return std::ranges::find(empty_, node) != empty_.end();
}

} // namespace atl::keep
