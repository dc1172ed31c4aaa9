#include <atoll/spi/balancer.hpp>

#include <stdexcept>

using namespace atl::spi;

/// A balancer that throws at its first pick.
struct thrower : balancer {
  std::optional<std::size_t> pick(std::span<const candidate>, std::uint64_t) override {
    throw std::runtime_error{"out of sorts"};
  }
};

ATOLL_PLUGIN(balancer, thrower, 1, 0, 0){
    .summary = "Throws at every pick, for tests",
    .licence = "Apache-2.0",
    .create = [](const balancer_setup&) -> balancer* { return new thrower; },
};
