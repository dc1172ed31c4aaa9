#pragma once

#include <atoll/core/outlier_detector.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/spi/balancer.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace atl::node {

/// The keys of a table that describes a pool from which a balancer picks, beside those of its
/// plugin: `eject_after`, `eject_for`, `slow_start`, `balancer_timeout`. A dispatcher's table has
/// them too.
struct pool_defaults {
  std::string slow_start{"0s"};
  std::string balancer_timeout{"0s"};
};
std::vector<key_spec> pool_keys(std::string_view table, const pool_defaults& defaults = {});

/// What the table says.
struct pool_config {
  outlier_options outliers{};
  std::chrono::microseconds slow_start{0};
  std::chrono::milliseconds balancer_timeout{0}; ///< 0: calls of the balancer aren't watched
};
pool_config read_pool(const config& config, std::string_view table);

/// The balancer itself if the limit is 0, otherwise a `watched_balancer` around it.
std::shared_ptr<spi::balancer> watch(std::shared_ptr<spi::balancer> balancer,
                                     std::chrono::milliseconds limit);

} // namespace atl::node
