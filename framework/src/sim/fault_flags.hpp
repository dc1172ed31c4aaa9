#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

// Sets of faults as command lines write them. A set has the members `none` and `all`; `names` are
// its flags with their names.
namespace atl::sim {

template <class Set, class Names>
bool same_flags(const Set& a, const Set& b, const Names& names) {
  return std::ranges::all_of(names, [&](auto& it) { return a.*it.flag == b.*it.flag; });
}

template <class Set, class Names>
std::string format_flags(const Set& it, const Names& names) {
  if (same_flags(it, Set::none(), names))
    return "none";
  auto all = Set::all();
  auto has_all =
      std::ranges::all_of(names, [&](auto& known) { return it.*known.flag || !(all.*known.flag); });
  std::vector<std::string_view> words;
  if (has_all)
    words.push_back("all");
  for (auto& known : names)
    if (it.*known.flag && !(has_all && all.*known.flag))
      words.push_back(known.name);
  return fmt::format("{}", fmt::join(words, ","));
}

template <class Set, class Names>
Set flags_named(const std::vector<std::string>& words, const Names& names) {
  auto has = [&](std::string_view name) { return std::ranges::find(words, name) != words.end(); };
  auto it = has("all") ? Set::all() : Set::none();
  for (auto& known : names)
    if (has(known.name))
      it.*known.flag = true;
  return it;
}

} // namespace atl::sim
