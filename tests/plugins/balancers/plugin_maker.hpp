#pragma once

#include <atoll/spi/balancer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace balancer_test {

namespace spi = atl::spi;

/// Makes a balancer that draws from this seed.
using balancer_maker = std::function<std::unique_ptr<spi::balancer>(std::uint64_t seed)>;

using option_values = std::map<std::string, spi::option_value, std::less<>>;

/// The value of an option's default as a host reads it.
inline spi::option_value default_value(const spi::option_spec& option) {
  std::string text = option.default_value;
  constexpr std::pair<std::string_view, std::int64_t> units[] = {
      {"us", 1}, {"ms", 1'000},      {"s", 1'000'000},   {"m", 60'000'000}, {"h", 3600'000'000},
      {"B", 1},  {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}};
  switch (option.type) {
  case spi::option_type::boolean:
    return text == "true";
  case spi::option_type::real:
    return std::stod(text);
  case spi::option_type::text:
    return text;
  case spi::option_type::integer:
    return std::int64_t{std::stoll(text)};
  default:
    break;
  }
  std::size_t digits = 0;
  std::int64_t number = std::stoll(text, &digits);
  for (auto& [unit, factor] : units)
    if (text.substr(digits) == unit)
      return number * factor;
  return number;
}

/// Makes balancers of this plugin as a host does: options that `given` leaves out have their
/// defaults.
inline balancer_maker maker(const spi::descriptor& plugin, option_values given = {}) {
  for (auto& option : plugin.options)
    given.try_emplace(option.name, default_value(option));
  return [&plugin, options = spi::options{given}](std::uint64_t seed) {
    return std::unique_ptr<spi::balancer>{plugin.create.balancer({options, seed})};
  };
}

} // namespace balancer_test
