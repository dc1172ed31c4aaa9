#include <atoll/core/plugin_options.hpp>
#include <atoll/sim/claimed_run.hpp>

#include <memory>
#include <stdexcept>
#include <string_view>

namespace atl::sim {

namespace {

/// @returns empty when the plugin does not make the claim.
std::string_view claim_value(const spi::descriptor& plugin, std::string_view name) {
  for (auto& claim : plugin.claims)
    if (claim.name == name)
      return claim.value;
  return {};
}

bool is_at_default(const spi::option_spec& option, const spi::options& options) {
  auto usual = parse_option(option.type, option.default_value);
  return usual && options.values().at(option.name) == *usual;
}

bool lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    auto comma = names.find(',');
    if (names.substr(0, comma) == name)
      return true;
    names = comma == std::string_view::npos ? std::string_view{} : names.substr(comma + 1);
  }
  return false;
}

} // namespace

bool has_fixed_quorums(const spi::descriptor& plugin, const spi::options& options) {
  auto names = claim_value(plugin, "quorum_options");
  for (auto& option : plugin.options)
    if (lists(names, option.name) && !is_at_default(option, options))
      return true;
  return false;
}

void keep_to_claims(simulation_options& run, const spi::descriptor& plugin) {
  run.faults =
      run.faults.as_claimed(claim_value(plugin, "trusts_clocks_with"), run.protocol_options);
  run.lose_at_rest = claim_value(plugin, "blocks_on_one_failure") == "yes";
  run.lose_members = !has_fixed_quorums(plugin, run.protocol_options);
}

group_sizes admitted_group_sizes(const spi::descriptor& plugin, const spi::options& options) {
  group_sizes out;
  std::vector<spi::replica_id> voters;
  for (std::uint32_t size = 1; size <= group_size_max; ++size) {
    voters.push_back(size);
    try {
      std::unique_ptr<spi::consensus> made{plugin.create.consensus({options, 1, voters, 1, 1})};
      if (made)
        out.admitted.push_back(size);
      else
        out.refusal = "its factory creates nothing";
    } catch (const std::invalid_argument& why) {
      out.refusal = why.what();
    }
  }
  return out;
}

} // namespace atl::sim
