#pragma once

#include "common/master_protocol.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/spi/balancer.hpp>

#include <functional>
#include <memory>

namespace dfs {

/// The cluster's settings for reading, and the balancer plugin that they name. Never changes: when
/// the masters have other settings, another object takes its place. Thread-safe.
class cluster_plugins {
 public:
  using balancer_factory = std::function<atl::result<std::shared_ptr<atl::spi::balancer>>()>;

  /// Loads the plugins that the masters named. Errors: refused if the masters have another version
  /// of one.
  static atl::result<std::shared_ptr<const cluster_plugins>> load(const cluster_settings& cluster,
                                                                  protocol::cluster_info info);
  cluster_plugins(protocol::cluster_info info, balancer_factory make_balancer);

  const protocol::cluster_info& info() const { return info_; }

  /// Another balancer of the cluster's kind for reads, which can't hang.
  atl::result<std::shared_ptr<atl::spi::balancer>> make_balancer() const {
    return make_balancer_();
  }

 private:
  protocol::cluster_info info_;
  balancer_factory make_balancer_;
};

} // namespace dfs
