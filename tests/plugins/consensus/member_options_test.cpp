#include "protocol_under_test.hpp"

#include <algorithm>
#include <vector>

// Options whose scope is a member may differ between the members of a group.

namespace {

using atl::spi::option_scope;
using atl::spi::option_type;
using under_test::protocol;

/// A part of an option's default, and no less than its minimum. All options of one type are divided
/// alike, so that one stays as many times as long or as large as another.
std::string part_of(const atl::spi::option_spec& option, std::int64_t times, std::int64_t of) {
  auto least = std::string_view{option.minimum}.empty() ? 0 : under_test::number(option.minimum);
  return std::to_string(std::max(under_test::number(option.default_value) * times / of, least));
}

/// Shorter times and smaller sizes than those of the replica before, and none where 0 is allowed.
under_test::overrides options_of(atl::spi::replica_id replica) {
  auto step = replica % 3;
  under_test::overrides changed;
  for (auto& option : protocol().options) {
    if (option.scope != option_scope::member)
      continue;
    if (option.type == option_type::duration)
      changed[option.name] = part_of(option, 4 - step, 4) + "us";
    else if (option.type == option_type::size)
      changed[option.name] = part_of(option, 1, std::int64_t{1} << (5 * step));
    else if (option.type == option_type::integer)
      changed[option.name] = part_of(option, 1, std::vector{1, 50, 1'000}[step]);
  }
  return changed;
}

} // namespace

TEST_CASE("replicas with different values of the options that may differ keep every promise") {
  REQUIRE(options_of(1) != options_of(2));
  REQUIRE(options_of(2) != options_of(3));
  auto make = under_test::factory_of(protocol(), options_of);
  under_test::check_promises(protocol(), 3, under_test::seeds(200), {}, make);
  under_test::check_promises(protocol(), 5, under_test::seeds(50), {}, make);
}
