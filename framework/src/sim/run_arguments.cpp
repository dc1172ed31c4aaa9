#include "fault_flags.hpp"

#include <atoll/core/quantity.hpp>
#include <atoll/sim/run_arguments.hpp>

namespace atl::sim {

std::string format_fault_set(const fault_set& it) {
  return format_flags(it, fault_names());
}

fault_set named_faults(const std::vector<std::string>& names) {
  return flags_named<fault_set>(names, fault_names());
}

std::string format_fault_set(const storage_fault_set& it) {
  return format_flags(it, storage_fault_names());
}

storage_fault_set named_storage_faults(const std::vector<std::string>& names) {
  return flags_named<storage_fault_set>(names, storage_fault_names());
}

std::string run_arguments(const simulation_options& options, const workload_options& usual) {
  auto out = fmt::format("--seed {} --replicas {} --spares {} --duration {}", options.seed,
                         options.replicas, options.spares, format_duration(options.duration));
  auto add = [&out](bool wanted, std::string_view name, const auto& value) {
    if (wanted)
      out += fmt::format(" --{} {}", name, value);
  };
  add(!options.ids.empty(), "ids", fmt::format("{}", fmt::join(options.ids, ",")));
  auto& work = options.workload;
  add(!same_flags(options.faults, fault_set::all(), fault_names()), "faults",
      format_fault_set(options.faults));
  add(!options.faults.damageable.empty(), "damage",
      fmt::format("{}", fmt::join(options.faults.damageable, ",")));
  add(work.clients != usual.clients, "clients", work.clients);
  add(work.keys != usual.keys, "keys", work.keys);
  add(work.payload != usual.payload, "payload",
      format_size(static_cast<std::int64_t>(work.payload)));
  add(work.think != usual.think, "think", format_duration(work.think));
  add(!same_flags(options.choice.without, fault_set::none(), fault_names()), "without",
      format_fault_set(options.choice.without));
  if (options.choice.only)
    add(true, "only", format_faults(*options.choice.only));
  if (!options.demand_liveness && options.faults.damageable.empty())
    out += " --no-liveness";
  return out;
}

std::string run_arguments(const storage_simulation_options& options) {
  const storage_simulation_options usual;
  auto out = fmt::format("--seed {} --nodes {} --units {} --duration {}", options.seed,
                         options.nodes, options.units, format_duration(options.duration));
  auto add = [&out](bool wanted, std::string_view name, const auto& value) {
    if (wanted)
      out += fmt::format(" --{} {}", name, value);
  };
  auto names = storage_fault_names();
  add(options.zones != usual.zones, "zones", options.zones);
  add(options.hosts != usual.hosts, "hosts", options.hosts);
  add(options.clients != usual.clients, "clients", options.clients);
  add(options.unit_bytes_max != usual.unit_bytes_max, "unit-size",
      format_size(static_cast<std::int64_t>(options.unit_bytes_max)));
  add(!same_flags(options.faults, storage_fault_set::all(), names), "faults",
      format_fault_set(options.faults));
  add(!same_flags(options.choice.without, storage_fault_set::none(), names), "without",
      format_fault_set(options.choice.without));
  if (options.choice.only)
    add(true, "only", format_faults(*options.choice.only));
  if (!options.demand_convergence)
    out += " --no-convergence";
  return out;
}

} // namespace atl::sim
