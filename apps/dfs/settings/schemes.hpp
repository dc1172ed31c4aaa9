#pragma once

#include "common/policy.hpp"
#include "common/types.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/plugin_loader.hpp>
#include <atoll/spi/balancer.hpp>
#include <atoll/spi/recovery.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace dfs {

/// A policy and the recovery scheme that it names. Immutable.
struct scheme {
  policy_id id = no_policy;
  dfs::policy policy;
  std::shared_ptr<const atl::spi::recovery> recovery;
  std::optional<atl::spi::transfer_policy> transfers{}; ///< the scheme's own; none: it has none
};

/// How fragments of the scheme are sent: as it says, or else as the cluster's configuration does.
atl::spi::transfer_policy transfers_of(const scheme& by, const cluster_settings& cluster);

/// The policy that these plugins make with their options. @param recovery an instance with the
/// options. The durability is what the scheme demands, or `fsync`. Errors: internal if the scheme
/// throws, refused if what it says can't be stored.
atl::result<policy> make_policy(const atl::plugin& recovery_plugin,
                                const atl::spi::options& recovery_options,
                                const atl::spi::recovery& recovery, std::string_view placement,
                                const atl::spi::options& placement_options);

/// Sets the durability that an operator wants. Errors: refused if the scheme demands a higher one.
atl::status set_durability(policy& of, durability wanted);

/// Loads the plugins that policies name, and keeps the schemes. Thread-safe.
class scheme_library {
 public:
  /// @param plugin_path as of `atl::node::make_loader`
  explicit scheme_library(const std::vector<std::filesystem::path>& plugin_path);

  /// Errors: not_found if the plugin isn't installed here; refused if the plugin has another
  /// encoding, or makes other fragments than the policy says.
  atl::result<std::shared_ptr<const scheme>> find(policy_id id, const policy& what);

  /// A new balancer for placing what a policy stores.
  atl::result<std::shared_ptr<atl::spi::balancer>> make_placement(const policy& what,
                                                                  std::uint64_t seed) const;

 private:
  atl::result<std::shared_ptr<const atl::spi::recovery>> load(policy_id id,
                                                              const policy& what) const;

  const atl::plugin_loader loader_;
  std::mutex mutex_;
  std::map<policy_id, std::shared_ptr<const scheme>> known_;
};

} // namespace dfs
