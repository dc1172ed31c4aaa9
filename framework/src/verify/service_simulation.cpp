#include "service_clients.hpp"
#include "service_runs.hpp"

#include <atoll/verify/service_simulation.hpp>

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace atl::verify {

namespace {

template <class MakeRun>
std::optional<service_finding> first_finding(const service_under_test& service,
                                             const sim::consensus_factory& protocol,
                                             MakeRun run_of) {
  for (auto seed = service.first_seed; seed - service.first_seed < service.seeds; ++seed) {
    sim::simulation_options run = run_of(seed);
    run.service = replicas_of(service);
    auto report = sim::simulate(run, protocol);
    if (!report.ok)
      return service_finding{seed, fmt::format("{}: {}", sim::name_of(report.kind), report.reason)};
  }
  return std::nullopt;
}

} // namespace

sim::service_factory replicas_of(const service_under_test& service) {
  return [&service](const sim::simulation_options& options, spi::random_source random) {
    return std::make_unique<service_clients>(service, options, random);
  };
}

std::optional<service_finding> simulate_service(const service_under_test& service,
                                                const sim::consensus_factory& protocol,
                                                const sim::simulation_options& group) {
  return first_finding(service, protocol, [&](std::uint64_t seed) {
    auto run = group;
    run.seed = seed;
    return run;
  });
}

sim::simulation_options usual_group(const plugin& protocol) {
  if (protocol.kind() != spi::plugin_kind::consensus)
    throw std::invalid_argument(protocol.title() + " is no consensus plugin");
  auto defaults = protocol.check_options({});
  if (!defaults)
    throw std::invalid_argument(defaults.error().message);
  sim::simulation_options group;
  group.protocol_options = std::move(*defaults);
  group.workload.clients = 8;
  group.spares = protocol.claim("changes_members") == "yes" ? 2 : 0;
  return group;
}

std::optional<service_finding> simulate_service(const service_under_test& service,
                                                const plugin& protocol,
                                                const sim::simulation_options& group) {
  service_runs runs{protocol, group, {}};
  return first_finding(service, runs.factory(),
                       [&](std::uint64_t seed) { return runs.as_drawn(seed); });
}

std::optional<service_finding> simulate_service(const service_under_test& service,
                                                const plugin& protocol) {
  return simulate_service(service, protocol, usual_group(protocol));
}

} // namespace atl::verify
