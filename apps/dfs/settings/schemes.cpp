#include "settings/schemes.hpp"

#include <atoll/node/plugin_host.hpp>

#include <fmt/format.h>

#include <exception>

namespace dfs {

using atl::errc;
using atl::fail;
using atl::spi::plugin_kind;

namespace {

constexpr std::uint32_t fragments_max = 255;
constexpr std::size_t encoding_bytes_max = 64;

/// Calls a scheme, which may throw.
template <class Call>
auto ask_scheme(std::string_view name, Call call) -> atl::result<decltype(call())> {
  try {
    return call();
  } catch (const std::exception& thrown) {
    return fail(errc::internal,
                fmt::format("the recovery plugin '{}' threw: {}; choose another plugin, or fix "
                            "this one",
                            name, thrown.what()));
  }
}

} // namespace

atl::result<policy> make_policy(const atl::plugin& recovery_plugin,
                                const atl::spi::options& recovery_options,
                                const atl::spi::recovery& recovery, std::string_view placement,
                                const atl::spi::options& placement_options) {
  auto name = std::string{recovery_plugin.name()};
  auto made = ask_scheme(name, [&] {
    auto layout = recovery.layout();
    auto promised = recovery.promised();
    policy what;
    what.recovery = name;
    what.encoding = recovery.encoding();
    what.recovery_options = recovery_options;
    what.placement = placement;
    what.placement_options = placement_options;
    what.fragments = layout.total;
    what.fragments_min = layout.min_write;
    what.survives_losses = promised.survives_losses;
    what.storage_cost = promised.storage_cost;
    if (recovery.verify_written())
      what.durability = durability::verified;
    return what;
  });
  if (!made)
    return made;
  if (made->encoding.empty() || made->encoding.size() > encoding_bytes_max)
    return fail(errc::refused,
                fmt::format("the recovery plugin '{}' names its format with {} bytes, 1 to {} are "
                            "possible",
                            name, made->encoding.size(), encoding_bytes_max));
  if (made->fragments == 0 || made->fragments > fragments_max || made->fragments_min == 0 ||
      made->fragments_min > made->fragments)
    return fail(errc::refused,
                fmt::format("the recovery plugin '{}' makes {} fragments, of which {} must be "
                            "stored; 1 to {} fragments are possible",
                            name, made->fragments, made->fragments_min, fragments_max));
  return made;
}

atl::status set_durability(policy& of, durability wanted) {
  if (of.durability != durability::verified)
    of.durability = is_synced(wanted) ? durability::fsync : wanted;
  else if (!is_synced(wanted))
    return fail(errc::refused,
                fmt::format("the recovery plugin '{}' acknowledges only what a disk has given "
                            "back: the durability must be fsync, and not {}",
                            of.recovery, to_string(wanted)));
  return {};
}

atl::spi::transfer_policy transfers_of(const scheme& by, const cluster_settings& cluster) {
  auto policy = by.transfers.value_or(cluster.transfers);
  if (policy.deadline.count() == 0)
    policy.deadline = cluster.busy_timeout;
  return policy;
}

scheme_library::scheme_library(const std::vector<std::filesystem::path>& plugin_path)
    : loader_{atl::node::make_loader(plugin_path)} {}

atl::result<std::shared_ptr<const atl::spi::recovery>>
scheme_library::load(policy_id id, const policy& what) const {
  auto plugin = loader_.load(plugin_kind::recovery, what.recovery);
  if (!plugin)
    return fail(plugin.error(),
                fmt::format("policy {} needs the recovery plugin '{}'", id, what.recovery));
  auto made = (*plugin)->create_recovery(what.recovery_options);
  if (!made)
    return fail(made.error(), fmt::format("policy {}", id));
  std::shared_ptr<const atl::spi::recovery> recovery = std::move(*made);
  auto fits = ask_scheme(what.recovery, [&] {
    return recovery->encoding() == what.encoding && recovery->layout().total == what.fragments;
  });
  if (!fits)
    return tl::unexpected{fits.error()};
  if (!*fits)
    return fail(errc::refused,
                fmt::format("policy {} stores data as '{}' of {} with {} fragments, and {} {} here "
                            "makes something else: install the release that stored the data",
                            id, what.encoding, what.recovery, what.fragments, (*plugin)->name(),
                            (*plugin)->version()));
  return recovery;
}

atl::result<std::shared_ptr<const scheme>> scheme_library::find(policy_id id, const policy& what) {
  std::lock_guard lock{mutex_};
  if (auto known = known_.find(id); known != known_.end() && known->second->policy == what)
    return known->second;
  auto recovery = load(id, what);
  if (!recovery)
    return tl::unexpected{recovery.error()};
  auto transfers = ask_scheme(what.recovery, [&] { return (*recovery)->transfers(); });
  if (!transfers)
    return tl::unexpected{transfers.error()};
  auto made = std::make_shared<const scheme>(scheme{id, what, std::move(*recovery), *transfers});
  known_[id] = made;
  return made;
}

atl::result<std::shared_ptr<atl::spi::balancer>>
scheme_library::make_placement(const policy& what, std::uint64_t seed) const {
  auto plugin = loader_.load(plugin_kind::balancer, what.placement);
  if (!plugin)
    return tl::unexpected{plugin.error()};
  return (*plugin)->create_balancer(what.placement_options, seed);
}

} // namespace dfs
