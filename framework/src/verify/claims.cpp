#include "claims.hpp"

#include "kits.hpp"

#include <atoll/core/plugin_file.hpp>
#include <atoll/core/spelling_suggestion.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace atl::verify {

namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool has_option(const spi::descriptor& plugin, std::string_view name, spi::option_type type) {
  return std::any_of(plugin.options.begin(), plugin.options.end(),
                     [&](auto& option) { return option.name == name && option.type == type; });
}

std::string unknown_claim(const spi::descriptor& plugin, const std::vector<known_claim>& all,
                          std::string_view name) {
  std::vector<std::string> names;
  for (auto& known : all)
    names.emplace_back(known.name);
  return fmt::format("the claim '{}' is unknown{}; a {} plugin may claim {}", name,
                     did_you_mean(name, names), to_string(plugin.kind), fmt::join(names, ", "));
}

std::optional<std::string> value_refusal(const spi::descriptor& plugin, const known_claim& known,
                                         std::string_view value) {
  auto refused = [&](const std::string& expected) {
    return fmt::format("the claim {} = '{}' can't be checked: its value is {}", known.name, value,
                       expected);
  };
  switch (known.form) {
  case value_form::choice:
    if (std::find(known.values.begin(), known.values.end(), value) == known.values.end())
      return refused(
          fmt::format("{}{}", fmt::join(known.values, " or "), did_you_mean(value, known.values)));
    break;
  case value_form::number:
    if (!is_number(value))
      return refused("a whole number");
    break;
  case value_form::real_option:
    if (!has_option(plugin, value, spi::option_type::real))
      return refused("the name of a real option that the plugin declares");
    break;
  case value_form::integer_option:
    if (!has_option(plugin, value, spi::option_type::integer))
      return refused("the name of an integer option that the plugin declares");
    break;
  case value_form::clock_option:
    if (!has_option(plugin, value, spi::option_type::boolean))
      return refused("the name of a boolean option that the plugin declares");
    if (!has_option(plugin, "clock_drift", spi::option_type::integer))
      return refused("such an option beside an integer option clock_drift, which is missing");
    break;
  case value_form::option_names:
    for (auto rest = std::optional{value}; rest;) {
      auto comma = rest->find(',');
      if (!has_option(plugin, rest->substr(0, comma), spi::option_type::integer))
        return refused("names of integer options that the plugin declares, with commas between "
                       "them");
      rest =
          comma == std::string_view::npos ? std::nullopt : std::optional{rest->substr(comma + 1)};
    }
    break;
  }
  return std::nullopt;
}

} // namespace

std::optional<std::string> claims_refusal(const spi::descriptor& plugin) {
  auto all = kit_of(plugin.kind).claims();
  auto claims = plugin.claims;
  for (auto& claim : claims) {
    std::string_view name = claim.name;
    auto known =
        std::find_if(all.begin(), all.end(), [&](auto& each) { return each.name == name; });
    if (known == all.end())
      return unknown_claim(plugin, all, name);
    if (std::count_if(claims.begin(), claims.end(), [&](auto& each) { return each.name == name; }) >
        1)
      return fmt::format("the claim '{}' is made more than once", name);
    if (auto refusal = value_refusal(plugin, *known, claim.value))
      return refusal;
    if (known->needs && claim_of(plugin, known->needs).empty())
      return fmt::format("the claim '{}' means nothing without the claim '{}'", name, known->needs);
  }
  return std::nullopt;
}

} // namespace atl::verify
