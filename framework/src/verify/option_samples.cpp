#include "option_samples.hpp"

#include "recorder.hpp"

#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>

namespace atl::verify {

namespace {

using spi::option_spec;
using spi::option_type;
using spi::option_value;

constexpr int drawn_values = 3; ///< drawn values of each option
constexpr int drawn_sets = 6;   ///< drawn sets of all options

std::optional<option_value> value_of(const option_spec& option, std::string_view text) {
  if (text.empty())
    return std::nullopt;
  auto value = parse_option(option.type, text);
  return value ? std::optional{*value} : std::nullopt;
}

std::vector<option_value> choices_of(const option_spec& option) {
  std::vector<option_value> all;
  if (option.type == option_type::boolean)
    return {false, true};
  if (option.type != option_type::text)
    return all;
  for (std::string_view rest = option.maximum; !rest.empty();) {
    auto end = std::min(rest.find('|'), rest.size());
    all.emplace_back(std::string{rest.substr(0, end)});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return all;
}

/// Draws a value between the bounds. Each power of two above the least value is equally likely,
/// because most ranges are large and small values matter.
option_value draw_between(const option_value& least, const option_value& most,
                          spi::random_source& random) {
  if (auto* low = std::get_if<double>(&least))
    return *low + (std::get<double>(most) - *low) * random.unit();
  auto low = std::get<std::int64_t>(least), high = std::get<std::int64_t>(most);
  auto width = std::min(9e18, static_cast<double>(high) - static_cast<double>(low));
  auto above = std::clamp(std::exp2(random.unit() * std::log2(width + 1)) - 0.5, 0.0, width);
  return std::clamp(low + static_cast<std::int64_t>(above), low, high);
}

std::vector<option_value> values_of(const option_spec& option, spi::random_source& random) {
  auto all = choices_of(option);
  auto least = value_of(option, option.minimum), most = value_of(option, option.maximum);
  if (option.type == option_type::boolean || option.type == option_type::text)
    return all;
  for (auto& bound : {least, most})
    if (bound)
      all.push_back(*bound);
  if (least && most)
    for (int i = 0; i < drawn_values; ++i)
      all.push_back(draw_between(*least, *most, random));
  return all;
}

/// The sample that replaces values of `base` by these values.
option_sample changed(std::span<const option_spec> declared, const spi::options& base,
                      const std::vector<std::optional<option_value>>& values) {
  option_sample sample{{}, base};
  auto& name = sample.name;
  for (std::size_t i = 0; i < declared.size(); ++i)
    if (values[i]) {
      sample.options = sample.options.with(declared[i].name, *values[i]);
      name += fmt::format("{}{} = {}", name.empty() ? "" : ", ", declared[i].name,
                          option_toml(*values[i], declared[i].type));
    }
  return sample;
}

} // namespace

std::vector<option_sample> option_samples(const spi::descriptor& plugin, const spi::options& base,
                                          spi::random_source& random) {
  auto declared = plugin.options;
  std::vector<option_sample> samples;
  for (std::size_t i = 0; i < declared.size(); ++i)
    for (auto& value : values_of(declared[i], random)) {
      std::vector<std::optional<option_value>> values(declared.size());
      values[i] = value;
      samples.push_back(changed(declared, base, values));
    }
  if (declared.size() > 1)
    for (int set = 0; set < drawn_sets; ++set) {
      std::vector<std::optional<option_value>> values(declared.size());
      for (std::size_t i = 0; i < declared.size(); ++i)
        if (auto possible = values_of(declared[i], random); !possible.empty())
          values[i] = possible[random.below(possible.size())];
      samples.push_back(changed(declared, base, values));
    }
  return samples;
}

bool is_refused(const option_sample& sample, const std::function<void()>& make) {
  try {
    make();
    return false;
  } catch (const std::invalid_argument& refused) {
    if (std::string_view{refused.what()}.empty())
      throw broken(fmt::format("with {} it refuses, and doesn't say why", sample.name));
    return true;
  }
}

bool are_defaults(const spi::descriptor& plugin, const spi::options& options) {
  for (auto& option : plugin.options) {
    auto standard = parse_option(option.type, option.default_value);
    auto found = options.values().find(option.name);
    if (!standard || found == options.values().end() || found->second != *standard)
      return false;
  }
  return true;
}

} // namespace atl::verify
