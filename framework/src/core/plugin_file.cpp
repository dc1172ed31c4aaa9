#include "plugin_bytes.hpp"

#include <atoll/core/plugin_file.hpp>
#include <atoll/core/plugin_name.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace atl {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view symbol_prefix = "atoll_plugin__";

std::string reason_of(int error_number) {
  return std::generic_category().message(error_number);
}

/// `1_2_0` as numbers.
template <std::size_t Count>
std::optional<std::array<std::uint32_t, Count>> parse_numbers(std::string_view text) {
  std::array<std::uint32_t, Count> numbers{};
  for (std::size_t i = 0; i < Count; ++i) {
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (problem != std::errc{})
      return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    bool last = i + 1 == Count;
    if (last ? !text.empty() : !text.starts_with('_'))
      return std::nullopt;
    text.remove_prefix(last ? 0 : 1);
  }
  return numbers;
}

/// The text before the next `__`, or all of the text if there is none.
std::string_view take_part(std::string_view& rest) {
  auto end = std::min(rest.find("__"), rest.size());
  auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 2, rest.size()));
  return part;
}

/// The version of the descriptor, from the first part of a symbol. The first version has two
/// numbers in this place, 1 and the minor version of an interface that all kinds had in common.
std::optional<std::uint32_t> descriptor_version(std::string_view part) {
  if (auto only = parse_numbers<1>(part))
    return (*only)[0];
  auto pair = parse_numbers<2>(part);
  return pair && (*pair)[0] == 1 ? std::optional{(*pair)[0]} : std::nullopt;
}

} // namespace

std::string_view to_string(spi::plugin_kind kind) {
  for (auto& entry : spi::plugin_kinds)
    if (entry.kind == kind)
      return entry.name;
  return "unknown";
}

std::vector<std::string> plugin_kind_names() {
  std::vector<std::string> names;
  for (auto& entry : spi::plugin_kinds)
    names.emplace_back(entry.name);
  return names;
}

std::optional<spi::plugin_kind> parse_plugin_kind(std::string_view text) {
  for (auto& entry : spi::plugin_kinds)
    if (entry.name == text)
      return entry.kind;
  return std::nullopt;
}

result<plugin_identity> parse_plugin_symbol(std::string_view symbol) {
  auto malformed = [&] {
    return fail(errc::invalid,
                fmt::format("exports {}, expected a name as ATOLL_PLUGIN makes it, of a known kind "
                            "({}) and with a name of the form [a-z][a-z0-9_]*",
                            symbol.substr(0, 256), fmt::join(plugin_kind_names(), ", ")));
  };
  if (!symbol.starts_with(symbol_prefix))
    return malformed();
  auto rest = symbol.substr(symbol_prefix.size());
  auto layout = descriptor_version(take_part(rest));
  if (!layout)
    return malformed();
  if (*layout != ATOLL_DESCRIPTOR_VERSION)
    return fail(
        errc::refused,
        fmt::format("is built with plugin descriptor {}, expected {}; build it against this "
                    "version's headers",
                    *layout, ATOLL_DESCRIPTOR_VERSION));
  auto abi = take_part(rest);
  auto kind = parse_plugin_kind(take_part(rest));
  auto interface = parse_numbers<2>(take_part(rest));
  auto version = parse_numbers<3>(take_part(rest));
  if (!interface || abi.empty() || !kind || !version || !is_plugin_name(rest))
    return malformed();
  auto [major, minor, patch] = *version;
  return plugin_identity{*kind,
                         std::string{rest},
                         fmt::format("{}.{}.{}", major, minor, patch),
                         {(*interface)[0], (*interface)[1]},
                         std::string{abi},
                         std::string{symbol}};
}

plugin_file inspect_plugin(const fs::path& file) {
  plugin_file found{file, std::nullopt, {}};
  auto refuse = [&](std::string_view why) {
    found.refusal = fmt::format("{}: {}", found.path.string(), why);
    return found;
  };
  std::error_code problem;
  auto canonical = fs::canonical(file, problem);
  if (problem)
    return refuse("can't be read: " + problem.message());
  found.path = canonical;
  auto opened = open_plugin_bytes(canonical);
  if (!opened)
    return refuse(opened.error().message);
  auto judged = judge_plugin_bytes(opened->file.number(), opened->size());
  found.identity = std::move(judged.identity);
  if (!judged.refusal.empty())
    return refuse(judged.refusal);
  // A link may lead out of the folder that was searched.
  if (auto why = folder_refusal(canonical.parent_path()))
    found.refusal = *why;
  return found;
}

std::optional<std::string> folder_refusal(const fs::path& folder) {
  auto refusal = [&](std::string_view why) { return fmt::format("{}: {}", folder.string(), why); };
  if (!folder.is_absolute())
    return refusal("a folder of plugins is an absolute path");
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0)
    return refusal("can't be searched for plugins: " + reason_of(errno));
  if (!S_ISDIR(info.st_mode))
    return refusal("can't be searched for plugins: it is not a folder");
  if ((info.st_mode & S_IWOTH) != 0)
    return refusal(
        "the folder may be written by anybody, so anybody could run code here; take that "
        "right away (chmod o-w)");
  return std::nullopt;
}

} // namespace atl
