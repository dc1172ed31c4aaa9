#include <atoll/spi/balancer.hpp>

#include <stdexcept>

using namespace atl::spi;

/// Throws at its first pick.
struct thrower : balancer {
  void update(std::span<const member>) override {}
  slot pick(const pick_request&, const member_facts&) override {
    throw std::runtime_error{"out of sorts"};
  }
};

ATOLL_PLUGIN(balancer, thrower, 1, 0, 0){
    .summary = "Throws at every pick, for tests",
    .licence = "Apache-2.0",
    .create = [](const balancer_setup&) -> balancer* { return new thrower; },
};
