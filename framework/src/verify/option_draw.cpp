#include "option_draw.hpp"

#include <atoll/core/plugin_options.hpp>
#include <atoll/spi/consensus.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>

namespace atl::verify {

namespace {

using spi::option_type;

constexpr int attempts = 64; ///< number of draws, each of which the plugin may refuse

/// None for an empty text, such as a bound that isn't declared.
std::optional<spi::option_value> value_of(option_type type, const char* text) {
  if (*text == '\0')
    return std::nullopt;
  auto parsed = parse_option(type, text);
  return parsed ? std::optional{*parsed} : std::nullopt;
}

template <class T>
T bound_or(const spi::option_spec& option, const char* text, T otherwise) {
  auto value = value_of(option.type, text);
  return value ? std::get<T>(*value) : otherwise;
}

/// Each power of two is as likely as another. @param low at least 1
std::int64_t log_uniform(std::int64_t low, std::int64_t high, spi::random_source& random) {
  auto bits_of = [](std::int64_t value) {
    return static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(value)));
  };
  auto bits = random.between(bits_of(low), bits_of(high));
  auto power = std::int64_t{1} << (bits - 1);
  return random.between(std::max(low, power), std::min(high, power - 1 + power));
}

/// Draws a number between the declared bounds: the smallest, the default, a number up to the
/// default, or any.
std::int64_t draw_number(const spi::option_spec& option, spi::random_source& random) {
  auto usual = std::get<std::int64_t>(*parse_option(option.type, option.default_value));
  auto least = bound_or<std::int64_t>(option, option.minimum, std::min<std::int64_t>(usual, 0));
  auto most =
      bound_or<std::int64_t>(option, option.maximum, std::max<std::int64_t>(usual, 1) * 100);
  auto low = std::max<std::int64_t>(least, 1);
  switch (random.below(8)) {
  case 0:
  case 1:
    return least;
  case 2:
    return usual;
  case 3:
  case 4:
  case 5: // at most 64, because a run commits only some hundreds of entries
    return log_uniform(low, std::max(low, std::min<std::int64_t>(most, 64)), random);
  case 6:
    return log_uniform(low, std::max(low, usual), random);
  default:
    return log_uniform(low, std::max(low, most), random);
  }
}

/// Draws a duration from a tenth to twice the default: with a longer one a correct group may answer
/// later than a run waits.
std::int64_t draw_duration(const spi::option_spec& option, spi::random_source& random) {
  auto usual = std::get<std::int64_t>(*parse_option(option.type, option.default_value));
  if (random.chance(0.25))
    return usual;
  auto least = std::max(bound_or<std::int64_t>(option, option.minimum, 1), usual / 10);
  auto most = std::min(bound_or<std::int64_t>(option, option.maximum, usual * 2), usual * 2);
  auto drawn = log_uniform(std::max<std::int64_t>(least, 1),
                           std::max<std::int64_t>({least, most, 1}), random);
  constexpr std::int64_t millisecond = 1'000;
  auto whole = drawn / millisecond * millisecond; // easier to read
  return whole >= std::max(least, 10 * millisecond) ? whole : drawn;
}

double draw_real(const spi::option_spec& option, spi::random_source& random) {
  auto usual = std::get<double>(*parse_option(option.type, option.default_value));
  auto least = bound_or(option, option.minimum, usual);
  auto most = bound_or(option, option.maximum, usual);
  return std::round((least + (most - least) * random.unit()) * 1e6) / 1e6;
}

/// Draws one of the choices; a text without declared choices keeps its default.
std::string draw_text(const spi::option_spec& option, spi::random_source& random) {
  std::vector<std::string_view> choices;
  for (std::string_view rest = option.maximum; !rest.empty();) {
    auto bar = rest.find('|');
    choices.push_back(rest.substr(0, bar));
    rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
  }
  return std::string{choices.empty() ? option.default_value
                                     : choices[random.below(choices.size())]};
}

spi::option_value draw_value(const spi::option_spec& option, spi::random_source& random) {
  switch (option.type) {
  case option_type::boolean:
    return random.chance(0.5);
  case option_type::integer:
  case option_type::size:
    return draw_number(option, random);
  case option_type::duration:
    return draw_duration(option, random);
  case option_type::real:
    return draw_real(option, random);
  case option_type::text:
    return draw_text(option, random);
  }
  return *parse_option(option.type, option.default_value);
}

bool is_at_default(const spi::option_spec& option, const spi::options& options) {
  return options.values().at(option.name) == *parse_option(option.type, option.default_value);
}

/// The text in single quotes, for a shell.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (auto c : text)
    out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

} // namespace

bool admits(const spi::descriptor& plugin, const spi::options& options, std::uint32_t replicas) {
  std::vector<spi::replica_id> voters(replicas);
  std::iota(voters.begin(), voters.end(), 1);
  try {
    std::unique_ptr<spi::consensus> made{plugin.create.consensus({options, 1, voters, 1, 1})};
    return made != nullptr;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

option_drawer::option_drawer(const spi::descriptor& plugin, const spi::options& given,
                             const std::set<std::string, std::less<>>& named)
    : plugin_{plugin}, given_{given} {
  for (auto& option : plugin.options)
    if (!named.contains(option.name) && is_at_default(option, given))
      free_.push_back(&option);
}

spi::options option_drawer::draw(std::uint32_t replicas, spi::random_source random) const {
  for (int attempt = 0; attempt < attempts && !free_.empty(); ++attempt) {
    auto drawn = given_;
    for (auto* option : free_)
      drawn = drawn.with(option->name, draw_value(*option, random));
    if (admits(plugin_, drawn, replicas))
      return drawn;
  }
  return given_;
}

std::vector<option_limit> options_at_limits(const spi::descriptor& plugin,
                                            const spi::options& given) {
  std::vector<option_limit> out;
  for (auto& option : plugin.options) {
    if (option.type != option_type::integer && option.type != option_type::size)
      continue;
    for (auto* text : {option.minimum, option.maximum})
      if (auto value = value_of(option.type, text))
        out.push_back({option.name, given.with(option.name, *value), text == option.minimum});
  }
  return out;
}

std::string option_words(const spi::descriptor& plugin, const spi::options& options) {
  std::string out;
  for (auto& option : plugin.options) {
    if (is_at_default(option, options))
      continue;
    auto value = option_toml(options.values().at(option.name), option.type);
    if (option.type != option_type::text) // the tool puts the quotes back
      std::erase(value, '"');
    out += " --option " + quoted(std::string{option.name} + "=" + value);
  }
  return out;
}

} // namespace atl::verify
