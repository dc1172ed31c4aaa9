#include "common/upkeep.hpp"

#include <atoll/core/quantity.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <variant>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;
using atl::spi::option_type;

/// The member of `upkeep_values` that a key stands for.
using member = std::variant<upkeep_values::duration upkeep_values::*,
                            std::uint64_t upkeep_values::*, double upkeep_values::*>;

constexpr upkeep_setting settings[] = {
    {"files.dead_after", option_type::duration, "10m", "1s", "720h",
     "A storage node that is silent for so long counts as lost, and its data is made anew on "
     "others. A node that keeps coming and going is given up to 4h."},
    {"repair.rate", option_type::size, "0", "0", "",
     "Bytes a second that repairs and moves copy in the whole cluster; 0: any number."},
    {"repair.danger_rate", option_type::size, "0", "0", "",
     "Bytes a second besides repair.rate, for chunks that the next loss would destroy."},
    {"repair.node_rate", option_type::size, "50MiB", "0", "",
     "Bytes a second that repairs and moves copy to each storage node; 0: any number."},
    {"repair.audit_period", option_type::duration, "6h", "1s", "720h",
     "How often a storage node's list of fragments is compared with the name space, also if "
     "nothing has changed."},
    {"rebalance.threshold", option_type::real, "0.05", "0.0", "1.0",
     "A storage node that is fuller than the mean by more than this share of its capacity is "
     "relieved; 0: none is."},
    {"rebalance.rate", option_type::size, "20MiB", "0", "",
     "Bytes a second that this copies in the whole cluster; 0: any number."},
    {"convert.rate", option_type::size, "50MiB", "0", "",
     "Bytes a second of data that is stored by another policy in the whole cluster; 0: any "
     "number."},
};

constexpr member members[] = {
    &upkeep_values::dead_after,     &upkeep_values::repair_rate,
    &upkeep_values::danger_rate,    &upkeep_values::node_rate,
    &upkeep_values::audit_period,   &upkeep_values::rebalance_threshold,
    &upkeep_values::rebalance_rate, &upkeep_values::convert_rate,
};
static_assert(std::size(members) == std::size(settings));

atl::result<double> parse_real(std::string_view text) {
  double value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size())
    return fail(errc::invalid, fmt::format("'{}' is no number", text));
  return value;
}

/// A value in the unit of the setting: microseconds, bytes, or a number.
atl::result<double> parse(option_type type, std::string_view text) {
  if (type == option_type::duration) {
    auto value = atl::parse_duration(text);
    if (!value)
      return tl::unexpected{value.error()};
    return static_cast<double>(value->count());
  }
  if (type == option_type::size) {
    auto value = atl::parse_size(text);
    if (!value)
      return tl::unexpected{value.error()};
    return static_cast<double>(*value);
  }
  return parse_real(text);
}

} // namespace

std::span<const upkeep_setting> upkeep_settings() {
  return settings;
}

atl::status set_upkeep(upkeep_values& into, std::string_view key, std::string_view value) {
  auto known = std::ranges::find(settings, key, &upkeep_setting::key);
  if (known == std::end(settings)) {
    std::string keys;
    for (const auto& each : settings)
      keys += fmt::format("{}{}", keys.empty() ? "" : ", ", each.key);
    return fail(errc::not_found,
                fmt::format("there is no setting '{}' that may change while a cluster runs: these "
                            "may: {}",
                            key, keys));
  }
  auto parsed = parse(known->type, value);
  if (!parsed)
    return fail(errc::invalid, fmt::format("{}: {}", key, parsed.error().message));
  auto is_below = !(*parsed >= *parse(known->type, known->minimum)); // also what is no number
  auto is_above = !known->maximum.empty() && *parsed > *parse(known->type, known->maximum);
  if (is_below || is_above)
    return fail(errc::invalid, fmt::format("{}: {} is too {}: {} to {} is possible", key, value,
                                           is_below ? "little" : "much", known->minimum,
                                           known->maximum.empty() ? "any value" : known->maximum));
  auto which = members[known - std::begin(settings)];
  std::visit(
      [&]<class Value>(Value upkeep_values::*field) {
        if constexpr (std::is_same_v<Value, upkeep_values::duration>)
          into.*field = Value{static_cast<std::int64_t>(*parsed)};
        else
          into.*field = static_cast<Value>(*parsed);
      },
      which);
  return {};
}

std::string upkeep_text(const upkeep_values& from, std::string_view key) {
  auto known = std::ranges::find(settings, key, &upkeep_setting::key);
  if (known == std::end(settings))
    return {};
  return std::visit(
      [&]<class Value>(Value upkeep_values::*field) {
        if constexpr (std::is_same_v<Value, upkeep_values::duration>)
          return atl::format_duration(from.*field);
        else if constexpr (std::is_same_v<Value, double>)
          return fmt::format("{}", from.*field);
        else
          return atl::format_size(static_cast<std::int64_t>(from.*field));
      },
      members[known - std::begin(settings)]);
}

} // namespace dfs
