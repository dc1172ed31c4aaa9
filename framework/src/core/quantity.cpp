#include <atoll/core/quantity.hpp>

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <span>

namespace atl {

namespace {

struct unit {
  std::string_view name;
  std::int64_t factor;
};

// Smallest first. Only the first unit of a list may be left out, and only where `bare` says so.
constexpr unit duration_units[] = {
    {"us", 1}, {"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}};
constexpr unit size_units[] = {{"B", 1},
                               {"KiB", std::int64_t{1} << 10},
                               {"MiB", std::int64_t{1} << 20},
                               {"GiB", std::int64_t{1} << 30},
                               {"TiB", std::int64_t{1} << 40}};

std::optional<std::int64_t> parse(std::string_view text, std::span<const unit> units, bool bare) {
  std::int64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || text.front() == '-')
    return std::nullopt;
  auto name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (bare && name.empty())
    return number;
  for (auto& each : units) {
    std::int64_t product = 0;
    if (each.name == name)
      return __builtin_mul_overflow(number, each.factor, &product) ? std::nullopt
                                                                   : std::optional{product};
  }
  return std::nullopt;
}

const unit& largest_divisor(std::int64_t value, std::span<const unit> units) {
  auto* best = &units.front();
  for (auto& each : units)
    if (value != 0 && value % each.factor == 0)
      best = &each;
  return *best;
}

} // namespace

result<std::chrono::microseconds> parse_duration(std::string_view text) {
  if (auto value = parse(text, duration_units, false))
    return std::chrono::microseconds{*value};
  return fail(errc::invalid,
              fmt::format("\"{}\" is not a duration such as \"150ms\" (units: us, ms, s, m, h)",
                          text.substr(0, 64)));
}

result<std::int64_t> parse_size(std::string_view text) {
  if (auto value = parse(text, size_units, true))
    return *value;
  return fail(errc::invalid,
              fmt::format("\"{}\" is not a size such as \"8MiB\" (units: B, KiB, MiB, GiB, TiB)",
                          text.substr(0, 64)));
}

std::string format_duration(std::chrono::microseconds duration) {
  auto& best = largest_divisor(duration.count(), duration_units);
  return fmt::format("{}{}", duration.count() / best.factor, best.name);
}

std::string format_size(std::int64_t bytes) {
  auto& best = largest_divisor(bytes, size_units);
  return best.factor == 1 ? fmt::format("{}", bytes)
                          : fmt::format("{}{}", bytes / best.factor, best.name);
}

} // namespace atl
