#pragma once

#include <atoll/compare/durability_comparison.hpp>
#include <atoll/spi/plugin.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(recovery, reed_solomon, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, random, 1, 0, 0);

/// Schemes that a keeper can work with, and a balancer for it.
namespace kept {

using scheme_ptr = std::shared_ptr<atl::spi::recovery>;

inline scheme_ptr copies(std::int64_t count) {
  atl::spi::options options{{{"copies", count}, {"min_copies", std::int64_t{0}}}};
  return scheme_ptr{ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0).create.recovery({options})};
}

/// Reed–Solomon: any `k` of `k` + `m` fragments, and at most `m` of them in a zone.
inline scheme_ptr code(std::int64_t k, std::int64_t m) {
  atl::spi::options options{
      {{"k", k}, {"m", m}, {"min_write", std::int64_t{0}}, {"per_zone", std::int64_t{0}}}};
  return scheme_ptr{
      ATOLL_PLUGIN_SYMBOL(recovery, reed_solomon, 1, 0, 0).create.recovery({options})};
}

inline atl::compare::recovery_strategy strategy(std::string label, scheme_ptr scheme) {
  return {std::move(label), "plugin", [scheme]() -> atl::result<scheme_ptr> { return scheme; }};
}

inline std::shared_ptr<atl::spi::balancer> random_nodes(std::uint64_t seed) {
  atl::spi::options options;
  return std::shared_ptr<atl::spi::balancer>{
      ATOLL_PLUGIN_SYMBOL(balancer, random, 1, 0, 0).create.balancer({options, seed})};
}

/// Model and keeper, side by side.
inline atl::compare::durability_figures measure(const atl::compare::durability_model& model,
                                                const scheme_ptr& scheme, std::uint64_t seed) {
  auto figures = atl::compare::measure_durability(model, strategy("scheme", scheme), seed,
                                                  {random_nodes, model.runs});
  return figures ? *figures : throw std::runtime_error{figures.error().message};
}

} // namespace kept
