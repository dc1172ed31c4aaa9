#include "atoll_commands.hpp"
#include "compare_arguments.hpp"
#include "input_file.hpp"
#include "plugin_choice.hpp"

#include <atoll/compare/durability_comparison.hpp>
#include <atoll/compare/strategy_file.hpp>
#include <atoll/core/plugin_name.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <thread>

namespace {

using namespace atl::compare;

/// The scheme of a file, or with default options the plugin of this name if there is no such file.
atl::result<strategy_file> read_scheme(const std::string& argument) {
  std::error_code ignored;
  if (atl::is_plugin_name(argument) && !std::filesystem::exists(argument, ignored))
    return strategy_file{argument, {}, {}};
  auto text = read_input(argument);
  if (!text)
    return tl::unexpected{text.error()};
  return parse_recovery_strategy(*text, argument);
}

atl::result<recovery_strategy> load_scheme(const std::string& argument, const std::string& label,
                                           const compare_arguments& arguments) {
  auto written = read_scheme(argument);
  if (!written)
    return tl::unexpected{written.error()};
  auto place = written->where.line == 0 ? "compare" : written->where.text();
  auto plugin =
      find_plugin({written->plugin, arguments.folders, {}}, atl::spi::plugin_kind::recovery);
  if (!plugin)
    return atl::fail(plugin.error(), place);
  auto options = (*plugin)->check_options(written->options);
  if (!options)
    return tl::unexpected{options.error()};
  auto make = [plugin = *plugin, options = *options] { return plugin->create_recovery(options); };
  if (auto accepted = check_options_accepted(**plugin, make); !accepted)
    return atl::fail(accepted.error(), place);
  return recovery_strategy{label, written->plugin, make};
}

atl::result<durability_model> load_cluster(const std::string& file) {
  return file.empty() ? durability_model{} : load_durability_model(file);
}

/// The balancer that a cluster names, with its default options. It picks single nodes.
atl::result<balancer_factory> load_balancer(const durability_model& model,
                                            const compare_arguments& arguments) {
  auto place = arguments.cluster.empty() ? "compare" : arguments.cluster;
  auto plugin =
      find_plugin({model.balancer, arguments.folders, {}}, atl::spi::plugin_kind::balancer);
  if (!plugin)
    return atl::fail(plugin.error(), place);
  auto options = (*plugin)->check_options({});
  if (!options)
    return atl::fail(options.error(), place);
  auto make = [plugin = *plugin, options = *options](std::uint64_t seed) {
    return plugin->create_balancer(options, seed);
  };
  if (auto accepted = check_options_accepted(**plugin, [&] { return make(1); }); !accepted)
    return atl::fail(accepted.error(), place);
  return [make](std::uint64_t seed) { return std::move(make(seed)).value(); };
}

/// `17:2`
atl::result<keeper_window> parse_window(const std::string& text) {
  keeper_window out;
  auto colon = text.find(':');
  auto read = [](std::string_view digits, std::uint64_t& into) {
    auto [end, problem] = std::from_chars(digits.begin(), digits.end(), into);
    return problem == std::errc{} && end == digits.end() && into > 0;
  };
  if (colon == text.npos || !read(std::string_view{text}.substr(0, colon), out.run) ||
      !read(std::string_view{text}.substr(colon + 1), out.window))
    return atl::fail(atl::errc::invalid,
                     fmt::format("--keeper-window is '{}', expected a run and a window, each from "
                                 "1 on, such as 17:2",
                                 text));
  return out;
}

/// Tells what happens in one window. @returns the exit code
int tell_window(const durability_model& model, const std::vector<recovery_strategy>& schemes,
                const balancer_factory& balancer, const compare_arguments& arguments) {
  auto which = parse_window(arguments.keeper_window);
  if (!which)
    return report_comparison_error(which.error());
  if (schemes.size() != 1)
    return report_comparison_error(
        {atl::errc::invalid, "--keeper-window is about the runs of one scheme; name only one"});
  auto lost = trace_strategy(model, schemes.front(), arguments.seed, balancer, *which,
                             [](std::string_view line) { std::cout << line << '\n'; });
  if (!lost)
    return report_comparison_error(lost.error());
  std::cout << fmt::format("chunks lost: {:.0f}\n", *lost);
  return exit_ok;
}

} // namespace

int compare_durability(const compare_arguments& arguments) {
  if (arguments.strategies.empty())
    return report_comparison_error({atl::errc::invalid, "compare --durability takes recovery "
                                                        "schemes, as names of plugins or files"});
  auto model = load_cluster(arguments.cluster);
  if (!model)
    return report_comparison_error(model.error());
  std::vector<recovery_strategy> schemes;
  auto labels = labels_of(arguments.strategies);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    auto loaded = load_scheme(arguments.strategies[i], labels[i], arguments);
    if (!loaded)
      return report_comparison_error(loaded.error());
    schemes.push_back(std::move(*loaded));
  }
  keeper_options keeper{{}, arguments.keeper_runs};
  if (arguments.keeper_runs != 0) {
    auto balancer = load_balancer(*model, arguments);
    if (!balancer)
      return report_comparison_error(balancer.error());
    keeper.balancer = *balancer;
  }
  if (!arguments.keeper_window.empty())
    return tell_window(*model, schemes, keeper.balancer, arguments);
  auto results = measure_isolated(*model, schemes, arguments.seed,
                                  std::max(1u, std::thread::hardware_concurrency()),
                                  std::chrono::seconds{arguments.idle_timeout}, keeper);
  if (!results)
    return report_comparison_error(results.error());
  durability_comparison out{std::move(*model), arguments.seed, std::move(*results)};
  std::cout << to_text(out);
  if (!arguments.json.empty() && !write_output(arguments.json, to_json(out)))
    return exit_usage;
  if (!arguments.svg.empty() && !write_output(arguments.svg, durability_chart(out)))
    return exit_usage;
  return exit_ok;
}
