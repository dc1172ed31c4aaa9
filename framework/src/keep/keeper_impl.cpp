#include "keeper_impl.hpp"

#include <algorithm>
#include <utility>

// A keeper's periodic work, and how answers find the part that asked.
namespace atl::keep {

namespace {

constexpr spi::timestamp tick_interval{100'000};
constexpr spi::timestamp pause_between_surveys{1'000'000};
/// The state is searched at most this share of the time.
constexpr int pause_per_survey = 10;

} // namespace

keeper::impl::impl(keeper_setup setup)
    : setup_{std::move(setup)}, nodes_{setup_.settings, setup_.rules}, judge_{setup_, nodes_,
                                                                              exceptions_},
      targets_{nodes_, tasks_}, use_{setup_.settings, setup_.rules, nodes_, tasks_, changes_},
      survey_{nodes_, exceptions_, out_}, auditor_{setup_.settings, setup_.rules, nodes_, out_,
                                                   audit_callbacks()},
      mover_{setup_.settings, nodes_, use_, out_, mover_callbacks()} {
  set_rates();
}

void keeper::impl::advance(spi::timestamp now) {
  now_ = std::max(now_, now);
  if (now_ >= next_tick_)
    tick();
  if (tokens_at_ <= now_)
    may_start_tasks_ = true;
}

spi::timestamp keeper::impl::deadline() const {
  auto waits_for_tokens = leads() && queue_.size() > 0 && tokens_at_ > now_;
  return waits_for_tokens ? std::min(next_tick_, tokens_at_) : next_tick_;
}

void keeper::impl::tick() {
  next_tick_ = now_ + tick_interval;
  nodes_.refresh(now_);
  if (!leads() || !knows_nodes_)
    return;
  if (auto passed = now_ - ticked_; passed.count() > 0) {
    auto rate = static_cast<double>(totals_.bytes_copied - bytes_at_tick_) * 1e6 /
                static_cast<double>(passed.count());
    bytes_a_second_ += 0.03 * (rate - bytes_a_second_);
    bytes_at_tick_ = totals_.bytes_copied;
  }
  ticked_ = now_;
  if (std::exchange(badness_seen_, nodes_.badness_version()) != nodes_.badness_version())
    auditor_.on_state_changed(); // a unit that is whole again has surplus copies
  for (auto id : tasks_.overdue(now_))
    if (auto* which = tasks_.find(id))
      fail_task(*which);
  removals_.expire(now_);
  verifier_.expire(now_);
  recent_moves_.expire(now_);
  declare_nodes();
  survey_.retry();
  begin_due_survey();
  send_fence();
  if (is_fenced_)
    auditor_.advance(now_);
  mover_.advance(now_);
  for (auto node : mover_.take_drained())
    tell({notice::about::drained, {}, node, no_node, 0});
  may_start_tasks_ = true;
}

void keeper::impl::declare_nodes() {
  for (const auto& [node, state] : nodes_.decide(now_)) {
    auto id = out_.next_ticket();
    declarations_[id] = node;
    out_.emit(set_node_state{id, node, state});
    auto is_back = state == node_state::active;
    tell({is_back ? notice::about::node_back : notice::about::node_dead, {}, node, no_node, 0});
  }
  if (nodes_.is_held_back() && !was_held_back_)
    tell({notice::about::held_back, {}, no_node, no_node, 0});
  was_held_back_ = nodes_.is_held_back();
}

bool keeper::impl::is_survey_due() const {
  if (survey_.is_passing())
    return false;
  if (!is_counted_ || survey_.badness_version() != nodes_.badness_version())
    return true;
  if (now_ - survey_ended_ < std::max(pause_between_surveys, survey_took_ * pause_per_survey))
    return false;
  return wants_survey_ || stuck_ > 0 || (is_troubled() && has_changed_since_survey());
}

bool keeper::impl::has_changed_since_survey() const {
  return state_version_ != version_at_survey_ || exceptions_.version() != exceptions_at_survey_;
}

bool keeper::impl::is_troubled() const {
  return counts_.total() > 0 || incomplete_units_ > 0 || exceptions_.size() > 0;
}

void keeper::impl::begin_due_survey() {
  if (!is_survey_due())
    return;
  wants_survey_ = false;
  version_at_survey_ = state_version_;
  exceptions_at_survey_ = exceptions_.version();
  so_far_ = {};
  so_far_by_policy_.clear();
  stuck_so_far_ = 0;
  judge_.forget_problem();
  survey_.begin(now_);
}

void keeper::impl::end_survey() {
  counts_ = so_far_;
  counts_by_policy_ = std::move(so_far_by_policy_);
  so_far_by_policy_.clear();
  stuck_ = stuck_so_far_;
  is_counted_ = true;
  danger_known_of_ = survey_.badness_version();
  // These can be read again, or are gone.
  for (const auto& unit : unreadable_.not_seen_since(survey_.pass()))
    to_look_up_.insert(unit);
  survey_ended_ = now_;
  survey_took_ = now_ - survey_.began();
  if (queue_.take_overflow())
    wants_survey_ = true; // what didn't fit is found again
  else
    queue_.erase_repairs_seen_before(survey_.pass());
  may_start_tasks_ = true;
}

void keeper::impl::set_rates() {
  const auto& settings = setup_.settings;
  repair_rate_.set_rate(settings.repair_rate, now_);
  danger_rate_.set_rate(settings.danger_rate, now_);
  rebalance_rate_.set_rate(settings.rebalance_rate, now_);
  for (auto& [node, rate] : node_rates_)
    rate.set_rate(settings.node_rate, now_);
}

void keeper::impl::on_lead(std::uint64_t term) {
  if (term == term_)
    return;
  drop_soft_state();
  term_ = term;
  out_.begin_term(term);
  ticked_ = now_;
  nodes_.on_lead(now_);
  is_fenced_ = !setup_.rules.fence_leaders;
  auditor_.restart(now_);
  restart_grace();
  next_tick_ = now_;
}

/// What earlier leaders moved isn't known: all surplus copies stay for the grace time.
void keeper::impl::restart_grace() {
  recent_moves_.restart(
      now_ + (setup_.rules.grace_before_removal ? setup_.settings.grace : spi::timestamp{0}));
}

void keeper::impl::on_follow() {
  drop_soft_state();
  term_ = 0;
}

void keeper::impl::drop_soft_state() {
  out_.clear();
  knows_nodes_ = false;
  exceptions_.clear();
  unreadable_.clear();
  queue_.clear();
  tasks_.clear();
  removals_.clear();
  changes_.clear();
  verifier_.clear();
  survey_.restart();
  mover_.restart();
  counts_ = {};
  counts_by_policy_.clear();
  is_counted_ = false;
  danger_known_of_ = 0;
  stuck_ = 0;
  to_look_up_.clear();
  to_verify_.clear();
  looked_up_.clear();
  lookup_ = 0;
  moves_.clear();
  moves_under_way_.clear();
  relocate_ = 0;
  is_fenced_ = false;
  fence_ = 0;
  declarations_.clear();
  was_held_back_ = false;
  totals_ = {};
  bytes_a_second_ = 0;
  bytes_at_tick_ = 0;
}

void keeper::impl::on_settings(const keeper_settings& settings) {
  setup_.settings = settings;
  set_rates();
  may_start_tasks_ = true;
}

void keeper::impl::on_policy(policy_id policy) {
  targets_.forget(policy);
  wants_survey_ = true;
}

void keeper::impl::on_nodes(std::span<const node_record> nodes) {
  knows_nodes_ = true;
  nodes_.on_nodes(nodes, now_);
  for (const auto& [id, node] : nodes_.all())
    if (node.is_lost())
      fail_tasks_to(id);
  std::erase_if(declarations_, [&](const auto& entry) {
    auto* node = nodes_.find(entry.second);
    return node && !node->is_declaring;
  });
}

void keeper::impl::on_heard(node_id node, std::uint64_t incarnation, const vitals& what) {
  auto* before = nodes_.find(node);
  auto has_restarted = before && before->has_heard && before->incarnation != incarnation;
  auto was_away =
      !before || !before->has_heard || has_restarted || before->liveness == liveness::down;
  nodes_.on_heard(node, incarnation, what, now_);
  if (has_restarted && leads())
    on_orders_lost(node);
  changes_.on_heard(node);
  if (was_away)
    auditor_.on_node_changed(node);
}

void keeper::impl::on_state(std::uint64_t version, std::uint64_t units,
                            std::uint64_t incomplete_units) {
  if (version != state_version_)
    auditor_.on_state_changed();
  wants_survey_ = wants_survey_ || incomplete_units > incomplete_units_;
  state_version_ = version;
  units_ = units;
  incomplete_units_ = incomplete_units;
}

void keeper::impl::on_watermark(unit_id watermark) {
  if (watermark <= watermark_)
    return;
  watermark_ = watermark;
  auditor_.on_state_changed(); // units below it may be garbage
}

void keeper::impl::on_page(ticket id, std::span<const unit_record> units, bool more,
                           std::uint8_t last_spare) {
  if (!leads() || id == 0)
    return;
  if (id == survey_.query()) {
    auto has_ended = survey_.on_page(units, more, last_spare, [this, id](const unit_record& unit) {
      if (!out_.stale().is_stale(id, unit.id))
        visit(unit);
    });
    if (has_ended)
      end_survey();
  } else if (id == lookup_) {
    on_units(units);
  } else if (!auditor_.on_page(id, units, more, now_)) {
    mover_.on_page(id, units, more, now_);
  }
  out_.stale().on_answered(id);
}

void keeper::impl::on_query_failed(ticket id) {
  if (!leads() || id == 0)
    return;
  out_.stale().on_answered(id);
  if (id == survey_.query()) {
    survey_.on_query_failed();
  } else if (id == lookup_) {
    lookup_ = 0;
    to_look_up_.insert(looked_up_.begin(), looked_up_.end());
  } else if (!auditor_.on_query_failed(id, now_)) {
    mover_.on_query_failed(id, now_);
  }
}

void keeper::impl::on_slice(ticket id, std::span<const held_fragment> held, bool is_last) {
  if (leads())
    auditor_.on_slice(id, held, is_last, now_);
}

void keeper::impl::on_slice_failed(ticket id) {
  if (leads())
    auditor_.on_slice_failed(id, now_);
}

std::vector<effect> keeper::impl::take_effects() {
  if (leads()) {
    ask_for_units();
    verifier_.start(term_, now_, out_, [this](node_id node) {
      auto* known = nodes_.find(node);
      return known && known->can_work();
    });
    if (std::exchange(may_start_tasks_, false))
      start_tasks();
    send_relocations();
  }
  return out_.take();
}

keeper_report keeper::impl::report() const {
  auto report = totals_;
  report.leads = leads();
  report.is_counted = is_counted_;
  report.is_outdated = is_counted_ && (danger_known_of_ != nodes_.badness_version() ||
                                       (is_troubled() && has_changed_since_survey()));
  report.counted_age = report.is_outdated ? now_ - survey_ended_ : spi::timestamp{0};
  report.units = units_;
  report.all = counts_;
  report.by_policy = counts_by_policy_;
  report.problem = judge_.problem().empty() ? targets_.problem() : judge_.problem();
  report.queued_units = queue_.size();
  report.queued_bytes = queue_.bytes();
  report.stuck_units = stuck_;
  report.tasks = tasks_.size();
  report.damaged_known = exceptions_.size();
  report.bytes_a_second = bytes_a_second_;
  report.fragments_removed = removals_.removed();
  report.audit_round = auditor_.finished_round();
  report.verifications = verifier_.size();
  for (const auto& [id, node] : nodes_.all()) {
    node_report each;
    each.id = id;
    each.state = node.state;
    each.liveness = node.liveness;
    each.silent = nodes_.silence(node, now_);
    each.dead_after = nodes_.dead_after(node);
    each.is_empty = node.is_lost() ? survey_.is_empty(id) : mover_.is_empty(id);
    each.tasks_in = tasks_.in(id);
    each.tasks_out = tasks_.out(id);
    each.removals = removals_.count(id);
    each.is_audited = auditor_.is_lapping(id);
    each.fragments_audited = auditor_.fragments_in_lap(id);
    report.nodes.push_back(each);
  }
  return report;
}

} // namespace atl::keep
