#include "hostile_bytes.hpp"
#include "run_scenarios.hpp"
#include "seed_runner.hpp"

#include <atoll/sim/claimed_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// Checks of every protocol (`atoll/spi/consensus.hpp`), and of its claims: thousands of simulated
/// fault schedules, scripted scenarios, and malformed bytes.
namespace atl::verify {

namespace {

using sim::simulation_options;

sim::fault_set faults_for(const std::string& safe_with_crashes) {
  auto faults = sim::fault_set::all();
  if (safe_with_crashes != "all")
    faults.mass_crashes = false;
  if (safe_with_crashes != "all" && safe_with_crashes != "minority")
    faults.crashes = faults.sync_failures = false;
  return faults;
}

/// Every second seed runs without spare replicas, so that all faults hit members, and clients ask
/// only members.
void drop_spares_in_even_seeds(simulation_options& run) {
  if (run.seed % 2 == 0)
    run.spares = 0;
}

/// The admitted sizes among four, six and seven; without any, all admitted sizes.
std::vector<std::uint32_t> other_sizes(const tested_protocol& protocol) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t size : {4, 6, 7})
    if (protocol.admits(size))
      out.push_back(size);
  return out.empty() ? protocol.group_sizes : out;
}

std::uint64_t count_repeated_runs(const tested_protocol& protocol, std::uint64_t first) {
  constexpr std::uint64_t count = 10;
  for (auto seed = first; seed < first + count; ++seed) {
    auto options = protocol.simulation(seed, 3);
    if (simulate(options, protocol.factory).hash != simulate(options, protocol.factory).hash)
      throw broken(fmt::format("seed {}: two runs of one seed differ: it draws numbers, looks at a "
                               "clock or at addresses, or keeps state outside of its objects",
                               seed));
  }
  return count;
}

/// A property that is checked over many seeds.
struct seed_check {
  std::string property;
  std::string claim;
  std::uint64_t count = 0;
  seed_runner::shape make;
};

std::uint64_t share(const effort& how, std::uint64_t divisor) {
  return std::max<std::uint64_t>(1, how.seeds / divisor);
}

/// Leaves two of the enabled kinds of faults on.
sim::fault_set keep_two_kinds(const sim::fault_set& all, spi::random_source& random) {
  auto names = sim::fault_names();
  auto out = sim::fault_set::none();
  for (int kinds = 0; kinds < 2;)
    if (auto flag = names[random.below(names.size())].flag; all.*flag) {
      out.*flag = true;
      ++kinds;
    }
  return out;
}

/// Few commands, as large as an application may send them.
void enlarge_commands(simulation_options& run) {
  spi::random_source random{run.seed};
  constexpr std::size_t head = 256; // bytes of a command before the padding
  run.workload.payload = (std::size_t{1} << random.between(10, 20)) - head;
  run.workload.clients = 2;
  run.workload.think = std::chrono::milliseconds{200};
  run.duration = std::chrono::seconds{3};
}

/// Runs groups of all sizes, with all faults.
std::vector<seed_check> checks_of_groups(const tested_protocol& protocol, const sim::fault_set& all,
                                         recorder& out) {
  std::vector<seed_check> checks;
  auto group_of = [&](std::uint32_t size, const char* name, std::uint64_t divisor) {
    auto property = fmt::format("{} replicas under simulated faults", name);
    if (!protocol.admits(size))
      return out.skip(property, fmt::format("its options admit no group of {}", name));
    checks.push_back({property, "safe_with_crashes", share(out.how(), divisor), [=](auto& run) {
                        run.replicas = size;
                        run.faults = all;
                        drop_spares_in_even_seeds(run);
                      }});
  };
  group_of(3, "three", 1);
  group_of(5, "five", 6);
  checks.push_back({"groups of other sizes under simulated faults", "safe_with_crashes",
                    share(out.how(), 10), [all, sizes = other_sizes(protocol)](auto& run) {
                      run.replicas = sizes[run.seed % sizes.size()];
                      run.faults = all;
                      drop_spares_in_even_seeds(run);
                    }});
  return checks;
}

/// Runs with other numbers of clients, command sizes and durations.
std::vector<seed_check> checks_of_workloads(const sim::fault_set& all, const effort& how) {
  return {{"a crowd of clients under simulated faults", "", share(how, 30),
           [=](auto& run) {
             run.faults = all;
             run.workload.clients = 32;
             run.workload.keys = 16;
             run.workload.think = std::chrono::milliseconds{2};
           }},
          {"commands of up to a mebibyte under simulated faults", "", share(how, 40),
           [=](auto& run) {
             run.faults = all;
             enlarge_commands(run);
           }},
          {"a minute with few faults", "", share(how, 50), [=](auto& run) {
             spi::random_source random{run.seed};
             run.faults = keep_two_kinds(all, random);
             run.duration = std::chrono::seconds{60};
           }}};
}

/// Runs with the option that makes the plugin trust clocks, and with faults that cause leader
/// changes while clocks drift apart.
std::vector<seed_check> checks_of_clocks(const spi::descriptor& it, const spi::options& options,
                                         const effort& how) {
  auto name = claim_of(it, "trusts_clocks_with");
  if (name.empty())
    return {};
  auto values = options.values();
  values[name] = true;
  spi::options trusting{std::move(values)};
  if (!admits(it, trusting, 3))
    return {};
  return {{"clocks drift as far as the options allow", "trusts_clocks_with", share(how, 8),
           [=](auto& run) {
             run.protocol_options = trusting;
             auto& faults = run.faults = sim::fault_set::none();
             faults.clock_drift = faults.partitions = true;
             run.workload.clients = 12;
             run.workload.keys = 2;
             // Takes the next seed that draws both faults.
             for (run.seed *= 64;; ++run.seed)
               if (auto rates = drawn_rates(run); rates.drift_ppm > 50'000 && rates.partitions)
                 break;
           }}};
}

std::vector<seed_check> checks_of_disks(const tested_protocol& protocol, const sim::fault_set& all,
                                        recorder& out) {
  std::vector<seed_check> checks;
  checks.push_back(
      {"a record of one replica turns unreadable", "", share(out.how(), 2), [=](auto& run) {
         run.faults = all;
         run.faults.damageable = {2};
         run.spares = 0;
         run.fatal_is_failure = false;
         run.demand_liveness = false;
       }});
  if (protocol.rebuilds_state && all.crashes)
    checks.push_back({"the state machine of a replica is damaged, and rebuilt from a peer's",
                      "rebuilds_state", share(out.how(), 4), [=](auto& run) {
                        run.faults = all;
                        run.faults.lost_states = true;
                        run.spares = 0;
                      }});
  else
    out.skip("damaged state machines",
             "it claims not to rebuild states, or no safety when replicas crash");
  if (protocol.fixed_quorums)
    out.skip("wiped disks", "its quorums have sizes of their own");
  else if (!protocol.changes_members || !all.crashes)
    out.skip("wiped disks", "it claims no changes of members, or no safety when replicas crash");
  else
    checks.push_back({"a disk is wiped, and its replica is kept out until another one takes its "
                      "place",
                      "changes_members", share(out.how(), 4), [=](auto& run) {
                        run.faults = all;
                        run.faults.wiped_disks = true;
                      }});
  return checks;
}

/// Runs each numeric option at each of its limits in turn, if the plugin accepts the limit.
seed_check check_of_limits(const spi::descriptor& it, const spi::options& options,
                           const sim::fault_set& all, const effort& how) {
  std::vector<std::pair<std::uint32_t, spi::options>> limits;
  for (auto& limit : options_at_limits(it, options))
    if (auto sizes = sim::admitted_group_sizes(it, limit.options).admitted; !sizes.empty())
      limits.emplace_back(size_closest_to_three(sizes), std::move(limit.options));
  auto count = limits.size() * share(how, 50);
  return {"options at their limits", "", count, [=](auto& run) {
            auto& [size, at_limit] = limits[run.seed % limits.size()];
            run.replicas = size;
            run.faults = all;
            run.protocol_options = at_limit;
          }};
}

} // namespace

/// Options may admit groups of some sizes only.
std::uint64_t create_consensus(const spi::descriptor& plugin, const spi::options& options) {
  auto sizes = sim::admitted_group_sizes(plugin, options);
  if (sizes.admitted.empty())
    throw broken(fmt::format("it makes no group of 1 to {} replicas: {}", sim::group_size_max,
                             sizes.refusal));
  return sizes.admitted.size();
}

void verify_consensus(const spi::descriptor& it, const spi::options& options, recorder& out) {
  auto protocol = make_tested_protocol(it, options);
  auto all = faults_for(protocol.safe_with_crashes);
  auto& how = out.how();
  out.check("same seed, same run", "", [&] { return count_repeated_runs(protocol, how.first); });
  try_scenarios(it, options, out);
  auto trusts_clocks_with = claim_of(it, "trusts_clocks_with");
  if (!all.as_claimed(trusts_clocks_with, options).clock_jumps)
    out.skip("clocks jump ahead", "with '" + trusts_clocks_with + "' on it trusts clocks");
  std::vector<seed_check> checks;
  for (auto& some : {checks_of_groups(protocol, all, out), checks_of_workloads(all, how),
                     checks_of_clocks(it, options, how), checks_of_disks(protocol, all, out)})
    checks.insert(checks.end(), some.begin(), some.end());
  checks.push_back(check_of_limits(it, options, all, how));
  for (auto& each : checks)
    out.plan(each.count);
  seed_runner seeds{it, protocol, out};
  for (auto& each : checks)
    out.check(each.property, each.claim, [&] { return seeds.run(each.count, each.make); });
  try_hostile_bytes(protocol, out);
}

} // namespace atl::verify
