#include <atoll/verify/service_simulation.hpp>

#include <fmt/format.h>

#include <job_queue.hpp>

namespace {

using atl::verify::service_under_test;

/// Adds jobs, leases some for up to two seconds, and finishes what may be leased.
service_under_test::generated_command draw_command(atl::spi::random_source& random) {
  if (random.chance(0.4))
    return {jobs::add, fmt::format("job {}", random.below(1000))};
  if (random.chance(0.6))
    return {jobs::lease, std::to_string(random.below(3))};
  auto id = 1 + random.below(40);
  return {jobs::finish, fmt::format("{} {}", id, id + 1 + random.below(10))};
}

std::string draw_query(atl::spi::random_source&) {
  return "count";
}

} // namespace

int main(int argc, char** argv) {
  service_under_test service;
  service.logic = [] { return std::make_unique<jobs::job_queue>(); };
  service.command = draw_command;
  service.query = draw_query;
  return atl::verify::simulate_service_main(argc, argv, service);
}
