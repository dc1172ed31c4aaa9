#include "tested_protocol.hpp"

#include "option_draw.hpp"
#include "recorder.hpp"

#include <atoll/sim/claimed_run.hpp>

#include <algorithm>
#include <memory>
#include <span>

namespace atl::verify {

namespace {

bool is_on(const spi::options& options, const std::string& name) {
  auto found = options.values().find(name);
  auto* value = found == options.values().end() ? nullptr : std::get_if<bool>(&found->second);
  return value && *value;
}

std::chrono::microseconds shortest_duration(const spi::descriptor& plugin,
                                            const spi::options& options) {
  std::chrono::microseconds least{1'000'000};
  for (auto& option : plugin.options)
    if (option.type == spi::option_type::duration && options.integer(option.name) > 0)
      least = std::min(least, std::chrono::microseconds{options.integer(option.name)});
  return least;
}

} // namespace

std::uint32_t size_closest_to_three(const std::vector<std::uint32_t>& sizes) {
  return *std::ranges::min_element(sizes, {},
                                   [](auto size) { return size > 3 ? size - 3 : 3 - size; });
}

bool tested_protocol::admits(std::uint32_t replicas) const {
  return std::ranges::find(group_sizes, replicas) != group_sizes.end();
}

tested_protocol make_tested_protocol(const spi::descriptor& plugin, const spi::options& options) {
  tested_protocol out;
  out.factory = [&plugin](const spi::consensus_setup& setup) {
    return std::unique_ptr<spi::consensus>{plugin.create.consensus(setup)};
  };
  out.options = options;
  out.safe_with_crashes = claim_of(plugin, "safe_with_crashes");
  out.fixed_quorums = sim::has_fixed_quorums(plugin, options);
  if (!out.fixed_quorums)
    out.live_with_crashes = claim_of(plugin, "live_with_crashes");
  out.linearizable_reads = claim_of(plugin, "linearizable_reads") == "yes";
  out.changes_members = !out.fixed_quorums && claim_of(plugin, "changes_members") == "yes";
  out.blocks_on_one_failure = claim_of(plugin, "blocks_on_one_failure") == "yes";
  out.transfers_leadership = claim_of(plugin, "transfers_leadership") == "yes";
  out.rebuilds_state = claim_of(plugin, "rebuilds_state") == "yes";
  out.trusts_clocks = is_on(options, claim_of(plugin, "trusts_clocks_with"));
  out.group_sizes = sim::admitted_group_sizes(plugin, options).admitted;
  out.shortest_duration = shortest_duration(plugin, options);
  for (auto& limit : options_at_limits(plugin, options))
    if (limit.is_minimum && admits(plugin, limit.options, 3))
      out.at_minimum.push_back(std::move(limit.options));
  return out;
}

sim::simulation_options tested_protocol::simulation(std::uint64_t seed,
                                                    std::uint32_t replicas) const {
  sim::simulation_options it;
  it.seed = seed;
  it.replicas = replicas;
  it.spares = changes_members ? 2 : 0;
  it.lose_at_rest = blocks_on_one_failure;
  it.lose_members = !fixed_quorums;
  it.protocol_options = options;
  return it;
}

} // namespace atl::verify
