#pragma once

#include "option_draw.hpp"
#include "recorder.hpp"
#include "tested_protocol.hpp"

#include <atoll/sim/simulation.hpp>

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace atl::verify {

/// Runs simulations with many seeds on several threads, and counts the faults that acted.
class seed_runner {
 public:
  /// Changes a run with the caller's options into the wanted run, before the run is restricted to
  /// the plugin's claims. Called by several threads at once.
  using shape = std::function<void(sim::simulation_options&)>;

  seed_runner(const spi::descriptor& plugin, const tested_protocol& protocol, recorder& out);

  /// Runs this many seeds. In half of them the plugin's options are drawn, unless the shape set
  /// some. @throws broken with the lowest failed seed
  std::uint64_t run(std::uint64_t count, const shape& make);

 private:
  sim::simulation_options options_for(std::uint64_t seed, const shape& make) const;
  std::string replay(const sim::simulation_options& options) const;
  void add(const sim::simulation_report& report);

  const spi::descriptor& plugin_;
  const tested_protocol& protocol_;
  recorder& out_;
  option_drawer drawer_;
  std::mutex mutex_;
  std::optional<sim::simulation_report> worst_;
  sim::simulation_options worst_options_;
  std::uint64_t calls_ = 0;
  double seconds_ = 0;
};

} // namespace atl::verify
