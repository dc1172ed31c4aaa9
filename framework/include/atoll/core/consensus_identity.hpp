#pragma once

#include <atoll/spi/codec.hpp>
#include <atoll/spi/options.hpp>
#include <atoll/spi/plugin.hpp>
#include <atoll/spi/version_range.hpp>

#include <map>
#include <string>
#include <string_view>

namespace atl {

/// What a member of a group tells the others about its consensus plugin, so that both can judge
/// whether they understand each other: everything that must agree, and the plugin's version for
/// people.
struct consensus_identity {
  struct agreed_option {
    std::string value;       ///< as written in TOML
    bool is_default = false; ///< of the plugin that the member runs

    friend bool operator==(const agreed_option&, const agreed_option&) = default;
  };

  std::string plugin;                          ///< the name; empty: the node runs no such plugin
  std::string version;                         ///< of the plugin: may differ
  spi::version_range protocol_versions;        ///< must have a version in common
  std::map<std::string, agreed_option> agreed; ///< the options whose scope is the group, by name

  friend bool operator==(const consensus_identity&, const consensus_identity&) = default;
};

/// The identity of a member that runs the plugin with these options.
/// @param options complete: a value for each option that the plugin declares
consensus_identity identity_of(const spi::descriptor& plugin, const spi::options& options);

/// `raft 1.0.0`, for people.
std::string to_string(const consensus_identity& identity);

/// Why members with these identities can't be in one group, as sentences that say what differs and
/// what to do; empty if they can. An option that only one of the two plugins declares must have its
/// default, which is taken to mean what the plugin did before it had the option.
std::string difference(const consensus_identity& mine, std::string_view my_name,
                       const consensus_identity& theirs, std::string_view their_name);

void write(spi::writer& out, const consensus_identity& identity);
/// Reads hostile bytes: texts and lists above their limits make the reader fail.
consensus_identity read_consensus_identity(spi::reader& in);

} // namespace atl
