#include <atoll/core/quantity.hpp>
#include <atoll/sim/run_arguments.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace atl::sim {

namespace {

bool same_flags(const fault_set& a, const fault_set& b) {
  for (auto& it : fault_names())
    if (a.*it.flag != b.*it.flag)
      return false;
  return true;
}

} // namespace

std::string format_fault_set(const fault_set& it) {
  if (same_flags(it, fault_set::none()))
    return "none";
  auto all = fault_set::all();
  auto has_all = std::ranges::all_of(
      fault_names(), [&](auto& known) { return it.*known.flag || !(all.*known.flag); });
  std::vector<std::string_view> names;
  if (has_all)
    names.push_back("all");
  for (auto& known : fault_names())
    if (it.*known.flag && !(has_all && all.*known.flag))
      names.push_back(known.name);
  return fmt::format("{}", fmt::join(names, ","));
}

fault_set named_faults(const std::vector<std::string>& names) {
  auto has = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  auto it = has("all") ? fault_set::all() : fault_set::none();
  for (auto& known : fault_names())
    if (has(known.name))
      it.*known.flag = true;
  return it;
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
  add(!same_flags(options.faults, fault_set::all()), "faults", format_fault_set(options.faults));
  add(!options.faults.damageable.empty(), "damage",
      fmt::format("{}", fmt::join(options.faults.damageable, ",")));
  add(work.clients != usual.clients, "clients", work.clients);
  add(work.keys != usual.keys, "keys", work.keys);
  add(work.payload != usual.payload, "payload",
      format_size(static_cast<std::int64_t>(work.payload)));
  add(work.think != usual.think, "think", format_duration(work.think));
  add(!same_flags(options.choice.without, fault_set::none()), "without",
      format_fault_set(options.choice.without));
  if (options.choice.only)
    add(true, "only", format_faults(*options.choice.only));
  if (!options.demand_liveness && options.faults.damageable.empty())
    out += " --no-liveness";
  return out;
}

} // namespace atl::sim
