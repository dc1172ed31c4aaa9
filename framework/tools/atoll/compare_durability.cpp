#include "atoll_commands.hpp"
#include "compare_arguments.hpp"
#include "input_file.hpp"
#include "plugin_choice.hpp"

#include <atoll/compare/durability_comparison.hpp>
#include <atoll/compare/strategy_file.hpp>
#include <atoll/core/plugin_name.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
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
  auto results = measure_isolated(*model, schemes, arguments.seed,
                                  std::max(1u, std::thread::hardware_concurrency()),
                                  std::chrono::seconds{arguments.idle_timeout});
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
