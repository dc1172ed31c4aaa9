#include "counted_memory.hpp"
#include "framework/sim/storage_under_test.hpp"
#include "table.hpp"

#include <atoll/sim/storage_simulation.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

/// How quickly keepers are simulated, on one core; how long a large cluster takes; and how much
/// memory its keeper needs.
namespace {

using namespace atl::sim;
using std::chrono::seconds;
namespace keep = atl::keep;

/// A keeper whose memory is counted.
class counted_keeper final : public simulated_keeper {
 public:
  using simulated_keeper::simulated_keeper;

  void advance(atl::spi::timestamp now) override {
    counted_memory::scope inside;
    simulated_keeper::advance(now);
  }
  void on_lead(std::uint64_t term) override {
    counted_memory::scope inside;
    simulated_keeper::on_lead(term);
  }
  void on_nodes(std::span<const keep::node_record> nodes) override {
    counted_memory::scope inside;
    simulated_keeper::on_nodes(nodes);
  }
  void on_heard(keep::node_id node, std::uint64_t incarnation, const keep::vitals& what) override {
    counted_memory::scope inside;
    simulated_keeper::on_heard(node, incarnation, what);
  }
  void on_state(std::uint64_t version, std::uint64_t units, std::uint64_t incomplete) override {
    counted_memory::scope inside;
    simulated_keeper::on_state(version, units, incomplete);
  }
  void on_page(keep::ticket id, std::span<const keep::unit_record> units, bool more,
               std::uint8_t last_spare) override {
    counted_memory::scope inside;
    simulated_keeper::on_page(id, units, more, last_spare);
  }
  void on_slice(keep::ticket id, std::span<const keep::held_fragment> held, bool is_last) override {
    counted_memory::scope inside;
    simulated_keeper::on_slice(id, held, is_last);
  }
  void on_done(keep::ticket id, const keep::order_result& result) override {
    counted_memory::scope inside;
    simulated_keeper::on_done(id, result);
  }
  void on_relocated(keep::ticket id, std::span<const keep::relocation_outcome> outcomes) override {
    counted_memory::scope inside;
    simulated_keeper::on_relocated(id, outcomes);
  }
  std::vector<keep::effect> take_effects() override {
    counted_memory::scope inside;
    return simulated_keeper::take_effects();
  }
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

storage_report must_pass(const storage_simulation_options& options) {
  auto report = simulate_storage(options);
  if (!report.ok)
    throw std::runtime_error{report.summary()};
  return report;
}

void measure_seeds(figures& out, std::uint64_t seeds) {
  std::uint64_t events = 0;
  auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    events += must_pass(under_test::storage_of(seed)).stats.events;
  auto took = seconds_since(begin);
  out.add("keeper: simulated events, all faults", static_cast<double>(events) / took / 1000, "k/s");
  out.add("keeper: a seed of 60 s, 8 nodes, 60 units", took * 1000 / static_cast<double>(seeds),
          "ms");
}

storage_simulation_options large(std::uint32_t nodes, std::uint32_t units) {
  auto options = under_test::storage_of(1);
  options.nodes = nodes;
  options.zones = nodes;
  options.units = units;
  options.hosts = 1;
  options.duration = seconds{30};
  options.faults = storage_fault_set::none();
  keep::keeper_settings settings;
  settings.dead_after = seconds{10};
  settings.grace = seconds{5};
  settings.audit_period = seconds{60};
  options.settings = settings;
  return options;
}

void measure_large(figures& out, std::uint32_t nodes, std::uint32_t units) {
  auto name = fmt::format("keeper: {} nodes, {} units, ", nodes, units);
  auto healthy = large(nodes, units);
  healthy.make_keeper = [](keep::keeper_setup setup) {
    counted_memory::scope inside;
    return std::make_unique<counted_keeper>(std::move(setup));
  };
  auto begin = std::chrono::steady_clock::now();
  must_pass(healthy);
  out.add(name + "audited in", seconds_since(begin), "s");
  out.add(name + "memory of the keeper at most",
          static_cast<double>(counted_memory::peak_bytes()) / (1 << 20), "MiB");
  auto faulty = large(nodes, units);
  faulty.faults.node_deaths = faulty.faults.node_crashes = true;
  // The first seed that draws these faults.
  while (!drawn_rates(faulty).timed.node_deaths)
    ++faulty.seed;
  begin = std::chrono::steady_clock::now();
  auto repaired = must_pass(faulty);
  out.add(name + "repaired in", seconds_since(begin), "s");
  out.add(name + "fragments copied for that", static_cast<double>(repaired.stats.copies), "");
}

int run(int argc, char** argv) {
  CLI::App app{"Measures how quickly keepers are simulated, and what they need"};
  std::uint64_t seeds = 100;
  std::uint32_t nodes = 1'000;
  std::uint32_t units = 1'000'000;
  std::string json;
  app.add_option("--seeds", seeds, "Seeds of a small cluster")->check(CLI::PositiveNumber);
  app.add_option("--nodes", nodes, "Nodes of the large cluster")->check(CLI::PositiveNumber);
  app.add_option("--units", units, "Units in the large cluster")->check(CLI::PositiveNumber);
  app.add_option("--json", json, "A file for the figures");
  CLI11_PARSE(app, argc, argv);
  figures out;
  measure_seeds(out, seeds);
  measure_large(out, nodes, units);
  if (!json.empty())
    std::ofstream{json} << out.json() << '\n';
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_keeper: {}\n", problem.what());
    return 1;
  }
}
