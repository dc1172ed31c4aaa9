#include "protocol_subject.hpp"

#include "recorder.hpp"

#include <memory>

namespace atl::verify {

namespace {

bool is_on(const spi::options& options, const std::string& name) {
  auto found = options.values().find(name);
  auto* value = found == options.values().end() ? nullptr : std::get_if<bool>(&found->second);
  return value && *value;
}

} // namespace

protocol_subject make_subject(const spi::descriptor& plugin, const spi::options& options) {
  protocol_subject out;
  out.factory = [&plugin](const spi::consensus_setup& setup) {
    return std::unique_ptr<spi::consensus>{plugin.create_consensus(setup)};
  };
  out.options = options;
  out.safe_with_crashes = claim_of(plugin, "safe_with_crashes");
  out.live_with_crashes = claim_of(plugin, "live_with_crashes");
  out.linearizable_reads = claim_of(plugin, "linearizable_reads") == "yes";
  out.changes_members = claim_of(plugin, "changes_members") == "yes";
  out.blocks_on_one_failure = claim_of(plugin, "blocks_on_one_failure") == "yes";
  out.transfers_leadership = claim_of(plugin, "transfers_leadership") == "yes";
  out.tell_losses = plugin.spi_minor >= 1;
  out.trusts_clocks = is_on(options, claim_of(plugin, "trusts_clocks_with"));
  return out;
}

sim::simulation_options protocol_subject::simulation(std::uint64_t seed,
                                                     std::uint32_t replicas) const {
  sim::simulation_options it;
  it.seed = seed;
  it.replicas = replicas;
  it.spares = changes_members ? 2 : 0;
  it.lose_at_rest = blocks_on_one_failure;
  it.tell_losses = tell_losses;
  it.protocol_options = options;
  return it;
}

} // namespace atl::verify
