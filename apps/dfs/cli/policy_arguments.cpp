#include "cli/policy_arguments.hpp"

#include "common/master_protocol.hpp"
#include "namespace/namespace_limits.hpp"
#include "settings/schemes.hpp"

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/plugin_options.hpp>
#include <atoll/core/quantity.hpp>
#include <atoll/node/plugin_host.hpp>

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using atl::spi::plugin_kind;

constexpr std::string_view keys_known = "recovery, placement, durability, chunk_size, "
                                        "inline_limit, trash, an option of the recovery plugin, "
                                        "or placement.OPTION";

/// The size of a checksummed block, which divides a chunk's, as for `files.chunk_size`.
constexpr std::uint64_t chunk_block_bytes = 64u << 10;

/// What was written on the command line, by what it is about.
struct written {
  std::optional<std::string> recovery;
  std::optional<std::string> placement;
  std::optional<dfs::durability> durability;
  std::optional<std::uint64_t> chunk_bytes;
  std::optional<std::uint32_t> inline_bytes_max;
  std::optional<std::uint64_t> trash_us;
  std::vector<std::string> recovery_options;  ///< `copies=2`
  std::vector<std::string> placement_options; ///< `start=first`
};

atl::result<std::uint64_t> parse_size(std::string_view key, std::string_view text,
                                      std::uint64_t min, std::uint64_t max) {
  auto bytes = atl::parse_option(atl::spi::option_type::size, text);
  if (!bytes)
    return fail(errc::invalid, fmt::format("{}: {}", key, bytes.error().message));
  auto value = std::get<std::int64_t>(*bytes);
  if (value < 0 || static_cast<std::uint64_t>(value) < min ||
      static_cast<std::uint64_t>(value) > max)
    return fail(errc::invalid, fmt::format("{}={}: it can be {} to {}", key, text,
                                           atl::format_size(static_cast<std::int64_t>(min)),
                                           atl::format_size(static_cast<std::int64_t>(max))));
  return static_cast<std::uint64_t>(value);
}

atl::result<dfs::durability> parse_durability(std::string_view text) {
  for (auto level : {durability::fsync, durability::replicated})
    if (text == to_string(level))
      return level;
  return fail(errc::invalid, fmt::format("durability={}: it can be fsync or replicated", text));
}

/// `24h`, as the configuration takes durations; `0` is one too.
atl::result<std::uint64_t> parse_trash(std::string_view text) {
  if (text == "0")
    return 0;
  auto parsed = atl::parse_option(atl::spi::option_type::duration, text);
  if (!parsed)
    return fail(errc::invalid, fmt::format("trash: {}", parsed.error().message));
  auto us = std::get<std::int64_t>(*parsed);
  if (us < 0 || static_cast<std::uint64_t>(us) > limits::trash_us_max)
    return fail(errc::invalid, fmt::format("trash={}: it can be 0 to 87600h", text));
  return static_cast<std::uint64_t>(us);
}

atl::status take(written& into, std::string_view key, std::string_view value,
                 const std::string& assignment) {
  if (key == "recovery") {
    into.recovery = value;
  } else if (key == "placement") {
    into.placement = value;
  } else if (key == "durability") {
    auto level = parse_durability(value);
    if (!level)
      return tl::unexpected{level.error()};
    into.durability = *level;
  } else if (key == "chunk_size") {
    auto bytes = parse_size(key, value, chunk_block_bytes, limits::chunk_bytes_max);
    if (!bytes)
      return tl::unexpected{bytes.error()};
    if (*bytes % chunk_block_bytes != 0)
      return fail(errc::invalid, fmt::format("{}: must be a multiple of 64KiB, the size of a "
                                             "checksummed block",
                                             assignment));
    into.chunk_bytes = *bytes;
  } else if (key == "inline_limit") {
    auto bytes = parse_size(key, value, 0, limits::inline_bytes_max);
    if (!bytes)
      return tl::unexpected{bytes.error()};
    into.inline_bytes_max = static_cast<std::uint32_t>(*bytes);
  } else if (key == "trash") {
    auto us = parse_trash(value);
    if (!us)
      return tl::unexpected{us.error()};
    into.trash_us = *us;
  } else if (key.starts_with("placement.")) {
    into.placement_options.push_back(assignment.substr(assignment.find('.') + 1));
  } else {
    into.recovery_options.push_back(assignment);
  }
  return {};
}

atl::result<written> parse(const std::vector<std::string>& changes) {
  written all;
  std::set<std::string, std::less<>> keys;
  for (auto& assignment : changes) {
    auto equals = assignment.find('=');
    if (equals == assignment.npos || equals == 0)
      return fail(errc::invalid,
                  fmt::format("'{}' is no KEY=VALUE; a KEY is {}", assignment, keys_known));
    if (!keys.insert(assignment.substr(0, equals)).second)
      return fail(errc::invalid, fmt::format("{}: '{}' is given twice; give it once", assignment,
                                             assignment.substr(0, equals)));
    auto taken = take(all, std::string_view{assignment}.substr(0, equals),
                      std::string_view{assignment}.substr(equals + 1), assignment);
    if (!taken)
      return tl::unexpected{taken.error()};
  }
  return all;
}

/// `copies=2`, as `parse_options` takes it.
std::string assignment_of(const atl::spi::option_spec& option,
                          const atl::spi::option_value& value) {
  auto text = atl::option_toml(value, option.type);
  if (text.size() >= 2 && text.front() == '"') // an option's text has no quotes on a command line
    text = text.substr(1, text.size() - 2);
  return fmt::format("{}={}", option.name, text);
}

/// The options of a plugin, as far as they are not those that a policy has already.
std::vector<std::string> assignments_of(const atl::plugin& plugin, const atl::spi::options& now) {
  std::vector<std::string> all;
  for (auto& option : plugin.options())
    if (auto found = now.values().find(option.name); found != now.values().end())
      all.push_back(assignment_of(option, found->second));
  return all;
}

struct chosen {
  std::shared_ptr<const atl::plugin> plugin;
  atl::spi::options options;
};

/// @param keeps whether the plugin stays, and with it the options that aren't written
atl::result<chosen> choose(const cluster_settings& cluster, plugin_kind kind,
                           const std::string& name, bool keeps, const atl::spi::options& now,
                           const std::vector<std::string>& changes) {
  auto plugin = atl::node::make_loader(cluster.plugin_path).load(kind, name);
  if (!plugin)
    return tl::unexpected{plugin.error()};
  std::vector<std::string> assignments;
  auto is_written = [&](const std::string& assignment) {
    auto key = assignment.substr(0, assignment.find('=') + 1);
    return std::any_of(changes.begin(), changes.end(),
                       [&](const std::string& other) { return other.starts_with(key); });
  };
  if (keeps)
    for (auto& assignment : assignments_of(**plugin, now))
      if (!is_written(assignment))
        assignments.push_back(assignment);
  assignments.insert(assignments.end(), changes.begin(), changes.end());
  auto options = (*plugin)->parse_options(assignments);
  if (!options)
    return tl::unexpected{options.error()};
  return chosen{std::move(*plugin), std::move(*options)};
}

std::string options_text(const cluster_settings& cluster, plugin_kind kind, const std::string& name,
                         const atl::spi::options& options) {
  auto plugin = atl::node::make_loader(cluster.plugin_path).load(kind, name);
  std::string text = name;
  if (!plugin)
    return text + " (not installed here)";
  for (auto& assignment : assignments_of(**plugin, options))
    text += ' ' + assignment;
  return text;
}

} // namespace

atl::result<policy> change_policy(const cluster_settings& cluster, const policy& now,
                                  const std::vector<std::string>& changes) {
  auto wanted = parse(changes);
  if (!wanted)
    return tl::unexpected{wanted.error()};
  auto recovery_name = wanted->recovery.value_or(now.recovery);
  auto recovery =
      choose(cluster, plugin_kind::recovery, recovery_name, recovery_name == now.recovery,
             now.recovery_options, wanted->recovery_options);
  if (!recovery)
    return tl::unexpected{recovery.error()};
  auto placement_name = wanted->placement.value_or(now.placement);
  auto placement =
      choose(cluster, plugin_kind::balancer, placement_name, placement_name == now.placement,
             now.placement_options, wanted->placement_options);
  if (!placement)
    return tl::unexpected{placement.error()};
  auto scheme = recovery->plugin->create_recovery(recovery->options);
  if (!scheme)
    return tl::unexpected{scheme.error()};
  auto made = make_policy(*recovery->plugin, recovery->options, **scheme, placement_name,
                          placement->options);
  if (!made)
    return made;
  if (auto set = set_durability(*made, wanted->durability.value_or(now.durability)); !set)
    return tl::unexpected{set.error()};
  made->chunk_bytes = wanted->chunk_bytes.value_or(now.chunk_bytes);
  made->inline_bytes_max = wanted->inline_bytes_max.value_or(now.inline_bytes_max);
  made->trash_us = wanted->trash_us.value_or(now.trash_us);
  return made;
}

std::string describe_policy(const cluster_settings& cluster, const policy& what) {
  auto size = [](std::uint64_t bytes) {
    return atl::format_size(static_cast<std::int64_t>(bytes));
  };
  return fmt::format(
             "{}; placed by {}; durability {}; chunks of {}; files up to {} in the name space",
             options_text(cluster, plugin_kind::recovery, what.recovery, what.recovery_options),
             options_text(cluster, plugin_kind::balancer, what.placement, what.placement_options),
             to_string(what.durability), size(what.chunk_bytes), size(what.inline_bytes_max)) +
         (what.trash_us == 0
              ? std::string{}
              : "; trash for " + atl::format_duration(std::chrono::microseconds{what.trash_us}));
}

} // namespace dfs::cli
