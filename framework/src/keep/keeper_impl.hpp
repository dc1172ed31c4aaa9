#pragma once

#include "auditor.hpp"
#include "effect_outbox.hpp"
#include "exception_table.hpp"
#include "mover.hpp"
#include "node_watch.hpp"
#include "recent_moves.hpp"
#include "removal_list.hpp"
#include "repair_queue.hpp"
#include "space_changes.hpp"
#include "space_use.hpp"
#include "survey.hpp"
#include "target_picker.hpp"
#include "task_table.hpp"
#include "unit_judge.hpp"
#include "unreadable_units.hpp"
#include "verifier.hpp"

#include <atoll/keep/keeper.hpp>
#include <atoll/keep/token_bucket.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace atl::keep {

/// The parts of a keeper, and how they work together: the survey and the audits find what is to be
/// done, the queue orders it, tasks carry it out, relocations tell the state.
class keeper::impl {
 public:
  explicit impl(keeper_setup setup);

  void advance(spi::timestamp now);
  spi::timestamp deadline() const;
  void on_lead(std::uint64_t term);
  void on_follow();
  void on_settings(const keeper_settings& settings);
  void on_policy(policy_id policy);
  void on_nodes(std::span<const node_record> nodes);
  void on_heard(node_id node, std::uint64_t incarnation, const vitals& what);
  void on_state(std::uint64_t version, std::uint64_t units, std::uint64_t incomplete_units);
  void on_watermark(unit_id watermark);
  void on_page(ticket id, std::span<const unit_record> units, bool more, std::uint8_t last_spare);
  void on_query_failed(ticket id);
  void on_slice(ticket id, std::span<const held_fragment> held, bool is_last);
  void on_slice_failed(ticket id);
  void on_done(ticket id, const order_result& result);
  void on_relocated(ticket id, std::span<const relocation_outcome> outcomes);
  void on_command_failed(ticket id);
  void on_fragment(node_id node, const fragment_key& key, fragment_condition what);
  std::uint64_t request_audit() { return auditor_.request_round(); }
  void request_verify(std::span<const unit_id> units);
  void request_rebalance();
  rebalance_plan plan_rebalance() const;
  std::vector<effect> take_effects();
  keeper_report report() const;

 private:
  /// A relocation that the state is still to be told of.
  struct pending_move {
    relocation what;
    ticket task = 0; ///< 0: a copy that was found is adopted
  };

  // Periodic work (keeper_impl.cpp).
  void tick();
  void declare_nodes();
  void begin_due_survey();
  bool is_survey_due() const;
  /// May the last counts have changed with the state?
  bool is_troubled() const;
  bool has_changed_since_survey() const;
  void end_survey();
  void set_rates();
  void drop_soft_state();
  void restart_grace();
  bool leads() const { return term_ != 0; }

  // What was found (keeper_findings.cpp).
  auditor::callbacks audit_callbacks();
  mover::callbacks mover_callbacks();
  void visit(const unit_record& unit);
  void consider(const unit_record& unit, std::uint64_t seen);
  void note_readability(const unit_id& unit, bool is_readable);
  void on_exception(node_id node, const fragment_key& key, fragment_condition what);
  void tell_of_exceptions(const unit_id& unit);
  void on_unwanted_copy(node_id node, const held_fragment& copy, const unit_record* unit);
  bool can_adopt(node_id node, const fragment_key& key, const unit_record& unit);
  std::uint64_t queue_move(node_id node, const unit_record& unit, bool is_drain);
  std::size_t pending_moves_from(node_id node) const;
  bool is_use_known(node_id node) const;
  bool has_relief(const unit_record& unit, std::uint64_t bytes) const;
  void on_checked(const verifier::check& what, const order_result& result);
  void ask_for_units();
  void on_units(std::span<const unit_record> units);

  // Tasks (keeper_tasks.cpp).
  void start_tasks();
  repair_queue::attempt start(const repair_queue::entry& next);
  repair_queue::attempt start_repair(const repair_queue::entry& next);
  repair_queue::attempt start_move(const repair_queue::entry& next);
  repair_queue::attempt start_task(task what, remedy how, repair_queue::danger rank);
  bool may_start(repair_queue::danger rank);
  bool is_receiver_busy(node_id node);
  bool are_receivers_busy();
  void spend(const task& what, repair_queue::danger rank);
  node_id free_sender(const remedy& how) const;
  void on_task_done(task& which, const order_result& result);
  void fail_task(task& which);
  void fail_tasks_to(node_id target);
  void on_orders_lost(node_id node);
  void finish_task(ticket id, bool is_relocated);
  void consider_rest(const unit_record& unit);
  void look_up_anew(const unit_id& unit);
  std::vector<node_id> adopting_nodes(const unit_id& unit) const;
  void leave_behind(node_id node, const fragment_key& key);
  void send_fence();
  void send_relocations();
  void tell(notice what) { out_.emit(std::move(what)); }

  keeper_setup setup_;
  spi::timestamp now_{0};
  spi::timestamp next_tick_{0};
  std::uint64_t term_ = 0; ///< 0: another one leads
  /// Have the state's nodes been told since this keeper leads? Until then nothing is judged.
  bool knows_nodes_ = false;

  node_watch nodes_;
  exception_table exceptions_;
  unit_judge judge_;
  unreadable_units unreadable_;
  outbox out_;
  repair_queue queue_;
  task_table tasks_;
  target_picker targets_;
  removal_list removals_;
  recent_moves recent_moves_;
  space_changes changes_;
  space_use use_;
  verifier verifier_;
  survey survey_;
  auditor auditor_;
  mover mover_;

  token_bucket repair_rate_, danger_rate_, rebalance_rate_;
  std::map<node_id, token_bucket> node_rates_;
  spi::timestamp tokens_at_{0}; ///< when tokens are there again that a unit waits for
  bool may_start_tasks_ = false;

  // The state's counters.
  std::uint64_t state_version_ = 0;
  std::uint64_t units_ = 0;
  std::uint64_t incomplete_units_ = 0;
  unit_id watermark_;

  // The survey's results.
  redundancy so_far_, counts_;
  std::map<policy_id, redundancy> so_far_by_policy_, counts_by_policy_;
  std::uint64_t stuck_so_far_ = 0;
  bool is_counted_ = false;
  bool wants_survey_ = false;
  std::uint64_t version_at_survey_ = 0;
  std::uint64_t exceptions_at_survey_ = 0; ///< `exception_table::version` then
  std::uint64_t danger_known_of_ = 0;      ///< the nodes' badness version of the last whole survey
  spi::timestamp survey_ended_{0};
  spi::timestamp survey_took_{0};
  std::uint64_t stuck_ = 0;

  // Units that are looked up because something about them has changed.
  std::set<unit_id> to_look_up_;
  std::set<unit_id> to_verify_; ///< of these: their fragments are to be verified
  std::vector<unit_id> looked_up_;
  ticket lookup_ = 0;

  // Commands.
  std::vector<pending_move> moves_, moves_under_way_;
  ticket relocate_ = 0;
  /// Has the state promised to refuse the relocations of earlier leaders?
  bool is_fenced_ = false;
  ticket fence_ = 0;
  spi::timestamp relocate_next_{0}; ///< not before, after a failure
  std::map<ticket, node_id> declarations_;
  bool was_held_back_ = false;

  keeper_report totals_; ///< the counters since this keeper leads
  std::uint64_t badness_seen_ = 0;
  double bytes_a_second_ = 0;
  std::uint64_t bytes_at_tick_ = 0;
  spi::timestamp ticked_{0};
};

} // namespace atl::keep
