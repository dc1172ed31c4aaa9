#pragma once

#include <atoll/sim/simulation.hpp>
#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace under_test {

/// `"150ms"`, `"1MiB"` or `"3"` as the number that a plugin receives.
inline std::int64_t number(std::string_view text) {
  static const std::map<std::string_view, std::int64_t> units = {
      {"", 1},          {"us", 1},         {"ms", 1'000},
      {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000},
      {"B", 1},         {"KiB", 1 << 10},  {"MiB", 1 << 20},
      {"GiB", 1 << 30}};
  auto digits = text.find_first_not_of("0123456789");
  auto unit = digits == std::string_view::npos ? std::string_view{} : text.substr(digits);
  return std::stoll(std::string{text}) * units.at(unit);
}

using overrides = std::map<std::string, std::string>;

/// The options of a plugin: its defaults except for `changed`, written as in TOML.
inline atl::spi::options make_options(const atl::spi::descriptor& plugin,
                                      const overrides& changed = {}) {
  std::map<std::string, atl::spi::option_value, std::less<>> values;
  for (auto& it : plugin.options) {
    auto found = changed.find(it.name);
    std::string text = found == changed.end() ? it.default_value : found->second;
    switch (it.type) {
    case atl::spi::option_type::boolean:
      values[it.name] = text == "true";
      break;
    case atl::spi::option_type::real:
      values[it.name] = std::stod(text);
      break;
    case atl::spi::option_type::text:
      values[it.name] = text;
      break;
    default:
      values[it.name] = number(text);
    }
  }
  for (auto& [name, text] : changed)
    if (values.find(name) == values.end())
      throw std::invalid_argument("no such option: " + name);
  return atl::spi::options{std::move(values)};
}

inline atl::sim::consensus_factory factory_of(const atl::spi::descriptor& plugin) {
  return [&plugin](const atl::spi::consensus_setup& setup) {
    return std::unique_ptr<atl::spi::consensus>{plugin.create.consensus(setup)};
  };
}

/// Replicas with options of their own.
/// @param options_of the options of a replica that aren't at their defaults
inline atl::sim::consensus_factory
factory_of(const atl::spi::descriptor& plugin,
           std::function<overrides(atl::spi::replica_id)> options_of) {
  auto kept = std::make_shared<std::map<atl::spi::replica_id, atl::spi::options>>();
  return [&plugin, options_of, kept](const atl::spi::consensus_setup& setup) {
    auto& own = kept->try_emplace(setup.self, make_options(plugin, options_of(setup.self)))
                    .first->second; // a replica keeps the reference
    return std::unique_ptr<atl::spi::consensus>{
        plugin.create.consensus({own, setup.self, setup.voters, setup.seed, setup.incarnation})};
  };
}

/// A simulation of the plugin, with all faults that do not damage disks.
inline atl::sim::simulation_options simulation_of(const atl::spi::descriptor& plugin,
                                                  std::uint64_t seed, std::uint32_t replicas,
                                                  const overrides& changed = {}) {
  atl::sim::simulation_options it;
  it.seed = seed;
  it.replicas = replicas;
  auto claims = [&plugin](std::string_view name) {
    for (auto& each : plugin.claims)
      if (each.name == name)
        return std::string_view{each.value} == "yes";
    return false;
  };
  it.spares = claims("changes_members") ? 2 : 0;
  it.lose_at_rest = claims("blocks_on_one_failure");
  it.protocol_options = make_options(plugin, changed);
  return it;
}

} // namespace under_test
