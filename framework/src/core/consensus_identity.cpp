#include <atoll/core/consensus_identity.hpp>
#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>

namespace atl {

namespace {

constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t value_bytes_max = 16 << 10;
/// As many as a plugin may declare.
constexpr std::size_t options_max = 256;
/// Two lengths and a flag.
constexpr std::size_t option_bytes_min = 9;

/// One side of a comparison.
struct member {
  const consensus_identity& identity;
  std::string_view name;
};

/// Explains an option that only `knowing` declares; empty: it has its default.
std::string unknown_option(const member& knowing, const std::string& option,
                           const member& lacking) {
  auto& [value, is_default] = knowing.identity.agreed.at(option);
  if (is_default)
    return {};
  return fmt::format(
      "{} has the option {} = {} of {}, and {} runs {}, which has no such option that members must "
      "agree on: leave the option at its default until all members run a plugin that has it",
      knowing.name, option, value, to_string(knowing.identity), lacking.name,
      to_string(lacking.identity));
}

std::string option_difference(const member& mine, const member& theirs) {
  for (auto& [option, own] : mine.identity.agreed) {
    auto other = theirs.identity.agreed.find(option);
    if (other == theirs.identity.agreed.end()) {
      if (auto why = unknown_option(mine, option, theirs); !why.empty())
        return why;
    } else if (other->second.value != own.value)
      return fmt::format("{} has the option {} = {} of {}, {} has {} = {}: all members of a group "
                         "must have the same value; write the same into both files",
                         mine.name, option, own.value, mine.identity.plugin, theirs.name, option,
                         other->second.value);
  }
  for (auto& [option, other] : theirs.identity.agreed)
    if (!mine.identity.agreed.contains(option))
      if (auto why = unknown_option(theirs, option, mine); !why.empty())
        return why;
  return {};
}

} // namespace

consensus_identity identity_of(const spi::descriptor& plugin, const spi::options& options) {
  consensus_identity identity{plugin.name, plugin.version, plugin.protocol_versions, {}};
  for (auto& option : plugin.options) {
    if (option.scope != spi::option_scope::group)
      continue;
    auto& value = options.values().at(option.name);
    identity.agreed[option.name] = {option_toml(value, option.type),
                                    parse_option(option.type, option.default_value) == value};
  }
  return identity;
}

std::string to_string(const consensus_identity& identity) {
  return fmt::format("{} {}", identity.plugin, identity.version);
}

std::string difference(const consensus_identity& mine, std::string_view my_name,
                       const consensus_identity& theirs, std::string_view their_name) {
  if (mine.plugin != theirs.plugin)
    return fmt::format(
        "{} runs the consensus plugin '{}', {} runs '{}': all members of a group run "
        "the same one; name the same in both files",
        my_name, mine.plugin, their_name, theirs.plugin);
  if (!common_version(mine.protocol_versions, theirs.protocol_versions))
    return fmt::format("{} runs {}, which speaks protocol version {}, {} runs {}, which speaks {}: "
                       "give both a version of the plugin that speaks what the other one speaks",
                       my_name, to_string(mine), to_string(mine.protocol_versions), their_name,
                       to_string(theirs), to_string(theirs.protocol_versions));
  return option_difference({mine, my_name}, {theirs, their_name});
}

void write(spi::writer& out, const consensus_identity& identity) {
  out.put(identity.plugin).put(identity.version);
  out.put(identity.protocol_versions.min).put(identity.protocol_versions.max);
  out.put(static_cast<std::uint32_t>(identity.agreed.size()));
  for (auto& [name, option] : identity.agreed)
    out.put(name).put(option.value).put(option.is_default);
}

consensus_identity read_consensus_identity(spi::reader& in) {
  consensus_identity identity;
  identity.plugin = in.get_string(name_bytes_max);
  identity.version = in.get_string(name_bytes_max);
  identity.protocol_versions.min = in.get<std::uint32_t>();
  identity.protocol_versions.max = in.get<std::uint32_t>();
  auto count = in.get_count(option_bytes_min);
  if (count > options_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto name = in.get_string(name_bytes_max);
    auto& option = identity.agreed[name];
    option.value = in.get_string(value_bytes_max);
    option.is_default = in.get<bool>();
  }
  return identity;
}

} // namespace atl
