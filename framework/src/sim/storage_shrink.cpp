#include "shrinker.hpp"

#include <atoll/sim/storage_shrink.hpp>

namespace atl::sim {

namespace {

/// Simulated storage, for the shrinker.
struct shrunk_storage {
  using options = storage_simulation_options;
  using report = storage_report;
  using shrunk = shrunk_storage_run;
  using fault_set = storage_fault_set;

  std::uint32_t nodes_min;

  report run(const options& it) const { return simulate_storage(it); }
  bool failed_alike(const report& a, const report& b) const { return a.kind == b.kind; }
  std::string describe_faults(const options& it) const { return drawn_rates(it).describe(); }
  std::span<const storage_fault_name> names() const { return storage_fault_names(); }
  static std::span<bool fault_set::*const> nameless() { return {}; }
  bool is_late(const report& it) const { return it.kind == storage_violation::not_converged; }
  void set_early(options& it) const { it.demand_convergence = false; }
  std::vector<std::uint64_t> size(const options& it) const {
    return {it.nodes, it.hosts, it.clients, it.units,
            static_cast<std::uint64_t>(it.duration.count())};
  }

  template <class Try>
  void reduce(const options& current, Try attempt) const {
    auto clients = [](auto& it) -> auto& {
      return it.clients;
    };
    auto hosts = [](auto& it) -> auto& {
      return it.hosts;
    };
    auto nodes = [](auto& it) -> auto& {
      return it.nodes;
    };
    reduce_number(current, attempt, clients, 0);
    reduce_number(current, attempt, hosts, 1);
    reduce_number(current, attempt, nodes, nodes_min);
    for (auto units = 1U; units < current.units; units *= 2)
      if (attempt([units](auto& it) { it.units = units; }))
        return;
  }
};

} // namespace

shrunk_storage_run shrink(const storage_simulation_options& options, std::uint64_t runs) {
  auto quiet = options;
  quiet.trace = nullptr;
  auto nodes_min = options.plugins.recovery()->layout().total;
  return shrinker{quiet, shrunk_storage{nodes_min}, runs}.run();
}

} // namespace atl::sim
