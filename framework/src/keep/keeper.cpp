#include "keeper_impl.hpp"

#include <atoll/keep/keeper.hpp>

#include <utility>

namespace atl::keep {

keeper::keeper(keeper_setup setup) : impl_{std::make_unique<impl>(std::move(setup))} {}
keeper::~keeper() = default;

void keeper::advance(spi::timestamp now) {
  impl_->advance(now);
}
spi::timestamp keeper::deadline() const {
  return impl_->deadline();
}
void keeper::on_lead(std::uint64_t term) {
  impl_->on_lead(term);
}
void keeper::on_follow() {
  impl_->on_follow();
}
void keeper::on_settings(const keeper_settings& settings) {
  impl_->on_settings(settings);
}
void keeper::on_policy(policy_id policy) {
  impl_->on_policy(policy);
}
void keeper::on_nodes(std::span<const node_record> nodes) {
  impl_->on_nodes(nodes);
}
void keeper::on_heard(node_id node, std::uint64_t incarnation, const vitals& what) {
  impl_->on_heard(node, incarnation, what);
}
void keeper::on_state(std::uint64_t version, std::uint64_t units, std::uint64_t incomplete_units) {
  impl_->on_state(version, units, incomplete_units);
}
void keeper::on_watermark(unit_id watermark) {
  impl_->on_watermark(watermark);
}
void keeper::on_page(ticket id, std::span<const unit_record> units, bool more,
                     std::uint8_t last_spare) {
  impl_->on_page(id, units, more, last_spare);
}
void keeper::on_query_failed(ticket id) {
  impl_->on_query_failed(id);
}
void keeper::on_slice(ticket id, std::span<const held_fragment> held, bool is_last) {
  impl_->on_slice(id, held, is_last);
}
void keeper::on_slice_failed(ticket id) {
  impl_->on_slice_failed(id);
}
void keeper::on_done(ticket id, const order_result& result) {
  impl_->on_done(id, result);
}
void keeper::on_relocated(ticket id, std::span<const relocation_outcome> outcomes) {
  impl_->on_relocated(id, outcomes);
}
void keeper::on_command_failed(ticket id) {
  impl_->on_command_failed(id);
}
void keeper::on_fragment(node_id node, const fragment_key& key, fragment_condition what) {
  impl_->on_fragment(node, key, what);
}
std::uint64_t keeper::request_audit() {
  return impl_->request_audit();
}
void keeper::request_verify(std::span<const unit_id> units) {
  impl_->request_verify(units);
}
void keeper::request_rebalance() {
  impl_->request_rebalance();
}
rebalance_plan keeper::plan_rebalance() const {
  return impl_->plan_rebalance();
}
std::vector<effect> keeper::take_effects() {
  return impl_->take_effects();
}
keeper_report keeper::report() const {
  return impl_->report();
}

} // namespace atl::keep
