#include "expect.hpp"

#include <atoll/spi/balancer.hpp>

#include <array>
#include <memory>

using namespace atl::spi;

extern "C" const descriptor ATOLL_PLUGIN_SYMBOL(balancer, @NAME@, 0, 1, 0);

namespace {

/// Three members, and the plugin as a host creates it.
struct pool {
  explicit pool(bool count_others) : options{{{"count_others", count_others}}} {
    balancer->update(members);
  }

  slot pick(std::span<const slot> tried = {}) {
    return balancer->pick({.tried = tried}, {.available = available,
                                             .domain = domain,
                                             .in_flight = in_flight,
                                             .reported_in_flight = reported_in_flight,
                                             .latency = latency,
                                             .free_bytes = free_bytes});
  }

  std::array<member, 3> members{member{.id = 1}, member{.id = 2}, member{.id = 3}};
  std::array<std::uint8_t, 3> available{1, 1, 1};
  std::array<std::uint32_t, 3> domain{0, 1, 2};
  std::array<std::uint32_t, 3> in_flight{};
  std::array<std::uint32_t, 3> reported_in_flight{};
  std::array<float, 3> latency{};
  std::array<std::uint64_t, 3> free_bytes{};
  atl::spi::options options;
  std::unique_ptr<atl::spi::balancer> balancer{
      ATOLL_PLUGIN_SYMBOL(balancer, @NAME@, 0, 1, 0).create.balancer({options, 1})};
};

void picks_the_member_with_the_fewest_requests() {
  pool pool{true};
  pool.in_flight = {5, 2, 7};
  expect(pool.pick() == 1, "the member with the fewest requests is picked");
  pool.reported_in_flight = {0, 9, 0};
  expect(pool.pick() == 0, "requests of other hosts count");
}

void ignores_other_hosts_when_told_to() {
  pool pool{false};
  pool.in_flight = {5, 2, 7};
  pool.reported_in_flight = {0, 9, 0};
  expect(pool.pick() == 1, "requests of other hosts don't count with count_others = false");
}

void picks_no_member_that_may_not_be_picked() {
  pool pool{true};
  pool.available = {0, 1, 0};
  expect(pool.pick() == 1, "the only available member is picked");
  constexpr slot tried[] = {1};
  expect(pool.pick(tried) == no_slot, "no member is picked when all available ones were tried");
}

} // namespace

int main() {
  picks_the_member_with_the_fewest_requests();
  ignores_other_hosts_when_told_to();
  picks_no_member_that_may_not_be_picked();
  return failures;
}
