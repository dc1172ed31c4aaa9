#include <atoll/core/spelling_suggestion.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace atl {

namespace {

constexpr std::size_t compared_characters_max = 64;

} // namespace

std::size_t edit_distance(std::string_view from, std::string_view to) {
  from = from.substr(0, compared_characters_max);
  to = to.substr(0, compared_characters_max);
  // Rows i-2, i-1 and i of the table of distances between the prefixes.
  std::vector<std::size_t> older(to.size() + 1), old(to.size() + 1), now(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j)
    now[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    older.swap(old);
    old.swap(now);
    now[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      auto replaced = old[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      now[j] = std::min({old[j] + 1, now[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
        now[j] = std::min(now[j], older[j - 2] + 1);
    }
  }
  return now[to.size()];
}

std::optional<std::string> spelling_suggestion(std::string_view wanted,
                                               std::span<const std::string> known) {
  std::optional<std::string> best;
  auto limit = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (auto& name : known) {
    auto distance = edit_distance(wanted, name);
    if (distance < limit && distance < name.size()) {
      limit = distance;
      best = name;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string> known) {
  auto name = spelling_suggestion(wanted, known);
  return name ? fmt::format("; did you mean '{}'?", *name) : std::string{};
}

} // namespace atl
