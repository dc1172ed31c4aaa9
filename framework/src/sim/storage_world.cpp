#include "storage_world.hpp"

#include "keeper_hosts.hpp"
#include "storage_checker.hpp"
#include "storage_node.hpp"
#include "storage_placement.hpp"

#include <algorithm>
#include <stdexcept>

namespace atl::sim {

storage_world::storage_world(const storage_simulation_options& options,
                             const storage_fault_rates& rates,
                             const std::optional<storage_parameters>& parameters)
    : options_{options}, faults_{options.seed, options.choice.only}, rates_{rates},
      scheme_{options.plugins.recovery()}, layout_{scheme_->layout()} {
  if (options_.nodes < layout_.total)
    throw std::invalid_argument(fmt::format("a unit has {} fragments, for which {} nodes are not "
                                            "enough",
                                            layout_.total, options_.nodes));
  parameters_ = parameters ? *parameters : draw_parameters(options_, faults_, layout_.total);
  auto survives = scheme_->promised().survives_losses;
  for (keep::policy_id policy : {1, 2})
    state_.define_policy(policy, {layout_.total, layout_.min_write, survives});
  checker_ = std::make_unique<storage_checker>(*this);
  observer_ = checker_.get();
  hosts_ = std::make_unique<keeper_hosts>(*this);
  if (tracing())
    faults_.on_fault = [this](const fault_id& fault) {
      trace("fault {}: {}", format_faults({fault}), describe(fault));
    };
  for (std::uint32_t i = 0; i < options_.nodes; ++i)
    add_node(i % parameters_.zones);
}

storage_world::~storage_world() = default;

keep::node_id storage_world::add_node(std::uint32_t zone) {
  auto id = static_cast<keep::node_id>(nodes_.size() + 1);
  nodes_.push_back(std::make_unique<storage_node>(*this, id, zone));
  state_.register_node(id);
  hosts_->on_node_added(id);
  nodes_.back()->start();
  return id;
}

bool storage_world::step() {
  if (queue_.empty() || !ok())
    return false;
  auto next = queue_.pop();
  now_ = next.at;
  ++stats_.events;
  note((static_cast<std::uint64_t>(next.at) << 20) ^ next.order);
  actions_.take(next.slot)();
  return ok();
}

void storage_world::run_until(std::int64_t at) {
  while (ok() && !queue_.empty() && queue_.top().at <= at)
    step();
  if (ok())
    now_ = std::max(now_, at);
}

void storage_world::violate(storage_violation kind, std::string_view what) {
  if (!ok())
    return;
  violation_ = kind;
  reason_ = fmt::format("at {:.6f} s: {}", static_cast<double>(now_) / 1e6, what);
  trace("VIOLATION: {}: {}", name_of(kind), what);
}

void storage_world::trace_line(const std::string& text) {
  options_.trace(fmt::format("{:12.6f} {}", static_cast<double>(now_) / 1e6, text));
}

void storage_world::found_units() {
  auto random = faults_.stream(purpose::birth);
  storage_placement placement{*this, random.next()};
  for (std::uint32_t i = 1; i <= options_.units && ok(); ++i) {
    keep::unit_record unit;
    unit.id = {0, i};
    unit.size_bytes = static_cast<std::uint64_t>(
        random.between(1, static_cast<std::int64_t>(options_.unit_bytes_max)));
    unit.policy = 1;
    unit.nodes = placement.pick(unit.id, unit.size_bytes);
    if (std::ranges::count(unit.nodes, keep::no_node) > 0)
      throw std::invalid_argument("the balancer picks too few nodes for a unit while all of them "
                                  "are up and empty");
    for (std::uint32_t f = 0; f < unit.nodes.size(); ++f)
      node(unit.nodes[f]).store({unit.id, f}, fragment_bytes(unit, f));
    if (state_.put(unit))
      checker_->on_put(unit);
  }
}

void storage_world::heal() {
  is_healed_ = true;
  rates_.remove(storage_fault_set::all());
  trace("all faults end");
  for (auto& each : nodes_) {
    each->set_slowness(1);
    each->set_full(false);
    each->repair_disk();
    each->start();
  }
}

std::string to_text(const keep::unit_id& unit) {
  return fmt::format("unit {}.{}", unit.high, unit.low);
}

std::string to_text(const keep::fragment_key& key) {
  return fmt::format("fragment {} of {}", key.fragment, to_text(key.unit));
}

} // namespace atl::sim
