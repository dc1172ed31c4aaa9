#include "atoll_commands.hpp"
#include "compare_arguments.hpp"
#include "plugin_choice.hpp"

#include <atoll/compare/comparison.hpp>

#include <iostream>

namespace {

using namespace atl::compare;

/// Whether the protocol makes groups of this size with its default options.
atl::status check_size(const atl::plugin& plugin, const atl::spi::options& options,
                       std::uint32_t replicas) {
  atl::spi::consensus_setup probe{options, 1, {}, 1, 1};
  for (atl::spi::replica_id id = 1; id <= replicas; ++id)
    probe.voters.push_back(id);
  auto made = plugin.create_consensus(probe);
  return made ? atl::status{} : atl::status{tl::unexpected{made.error()}};
}

atl::status measure(const compare_arguments& arguments, const std::string& protocol,
                    std::vector<measured_availability>& to) {
  auto plugin = find_plugin({protocol, arguments.folders, {}}, atl::spi::plugin_kind::consensus);
  if (!plugin)
    return tl::unexpected{plugin.error()};
  auto options = chosen_options(**plugin, {});
  if (!options)
    return tl::unexpected{options.error()};
  auto factory = [&](const atl::spi::consensus_setup& setup) {
    return std::unique_ptr<atl::spi::consensus>{(*plugin)->descriptor().create.consensus(setup)};
  };
  for (auto replicas : arguments.replicas) {
    if (auto fits = check_size(**plugin, *options, replicas); !fits)
      return fits;
    auto measured = measure_availability(protocol, factory, *options, replicas, arguments.seed);
    if (!measured)
      return tl::unexpected{measured.error()};
    to.push_back(std::move(*measured));
  }
  return {};
}

} // namespace

int compare_availability(const compare_arguments& arguments) {
  availability_comparison out{arguments.down, arguments.seed, {}};
  for (auto& protocol : arguments.protocols)
    if (auto measured = measure(arguments, protocol, out.measured); !measured) {
      std::cerr << "atoll: " << measured.error().message << '\n';
      return measured.error().code == atl::errc::internal ? exit_failed : exit_usage;
    }
  std::cout << to_text(out);
  return arguments.json.empty() || write_output(arguments.json, to_json(out)) ? exit_ok
                                                                              : exit_usage;
}
