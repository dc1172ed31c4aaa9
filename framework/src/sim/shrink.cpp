#include "shrinker.hpp"

#include <atoll/sim/shrink.hpp>

#include <array>

namespace atl::sim {

namespace {

std::string without_numbers(std::string_view text) {
  std::string out;
  for (auto c : text)
    if (c < '0' || c > '9')
      out += c;
  return out;
}

/// A simulated group of replicas, for the shrinker.
struct shrunk_group {
  using options = simulation_options;
  using report = simulation_report;
  using shrunk = shrunk_run;
  using fault_set = sim::fault_set;

  const consensus_factory& factory;

  report run(options it) const {
    it.trace = nullptr;
    it.observe = nullptr;
    return simulate(it, factory);
  }
  bool failed_alike(const report& a, const report& b) const { return sim::failed_alike(a, b); }
  std::string describe_faults(const options& it) const { return drawn_rates(it).describe(); }
  std::span<const fault_name> names() const { return fault_names(); }
  static std::span<bool fault_set::*const> nameless() {
    static constexpr std::array<bool fault_set::*, 3> flags{
        &fault_set::reordering, &fault_set::clock_drift, &fault_set::lazy_hosts};
    return flags;
  }
  bool is_late(const report& it) const { return it.kind == violation_kind::not_live; }
  void set_early(options& it) const { it.demand_liveness = false; }
  std::vector<std::uint64_t> size(const options& it) const {
    return {it.replicas, it.spares, it.workload.clients, it.workload.keys,
            static_cast<std::uint64_t>(it.duration.count())};
  }

  template <class Try>
  void reduce(const options& current, Try attempt) const {
    auto spares = [](auto& it) -> auto& {
      return it.spares;
    };
    auto replicas = [](auto& it) -> auto& {
      return it.replicas;
    };
    auto clients = [](auto& it) -> auto& {
      return it.workload.clients;
    };
    auto keys = [](auto& it) -> auto& {
      return it.workload.keys;
    };
    reduce_number(current, attempt, spares, 0);
    reduce_number(current, attempt, replicas, 1);
    reduce_number(current, attempt, clients, 1);
    if (!current.service) // another service has no keys
      reduce_number(current, attempt, keys, 1);
  }
};

} // namespace

bool failed_alike(const simulation_report& a, const simulation_report& b) {
  if (a.kind != b.kind)
    return false;
  auto has_own_reason = a.kind == violation_kind::threw ||
                        a.kind == violation_kind::stopped_itself ||
                        a.kind == violation_kind::interface_broken;
  return !has_own_reason || without_numbers(a.reason) == without_numbers(b.reason);
}

shrunk_run shrink(const simulation_options& options, const consensus_factory& factory,
                  std::uint64_t runs) {
  auto quiet = options;
  quiet.trace = nullptr;
  quiet.observe = nullptr;
  return shrinker{quiet, shrunk_group{factory}, runs}.run();
}

} // namespace atl::sim
