#include "service_runs.hpp"

#include <atoll/sim/claimed_run.hpp>

#include <memory>
#include <utility>

namespace atl::verify {

service_runs::service_runs(const plugin& protocol, sim::simulation_options group,
                           const std::set<std::string, std::less<>>& named)
    : protocol_{protocol.descriptor()}, group_{std::move(group)}, drawer_{protocol_,
                                                                          group_.protocol_options,
                                                                          named},
      factory_{[create = protocol_.create.consensus](const spi::consensus_setup& setup) {
        return std::unique_ptr<spi::consensus>{create(setup)};
      }} {}

sim::simulation_options service_runs::as_given(std::uint64_t seed) const {
  auto run = group_;
  run.seed = seed;
  sim::keep_to_claims(run, protocol_);
  return run;
}

sim::simulation_options service_runs::as_drawn(std::uint64_t seed) const {
  auto run = group_;
  run.seed = seed;
  // Seeded differently from the run itself, so that each mix of faults is combined with drawn
  // options, too.
  spi::random_source random{~seed};
  if (random.chance(0.5))
    run.protocol_options = drawer_.draw(run.replicas, random);
  sim::keep_to_claims(run, protocol_);
  return run;
}

} // namespace atl::verify
