#include "scenario_command.hpp"

#include "atoll_commands.hpp"

#include <atoll/core/spelling_suggestion.hpp>
#include <atoll/sim/diagram.hpp>
#include <atoll/verify/scenarios.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <optional>

namespace {

using namespace atl::verify;

const char* name_of(verdict it) {
  return it == verdict::kept ? "kept" : it == verdict::broken ? "broken" : "skipped";
}

std::string replay_command(const simulate_arguments& arguments) {
  auto text = fmt::format("atoll simulate {} --scenario {}", shell_word(arguments.choice.name),
                          arguments.scenario);
  if (arguments.replicas_given)
    text += fmt::format(" --replicas {}", arguments.replicas);
  if (!arguments.ids.empty())
    text += fmt::format(" --ids {}", fmt::join(arguments.ids, ","));
  for (auto& option : arguments.choice.options)
    text += " --option " + shell_word(option);
  return text + path_words(arguments.choice);
}

/// The picture of the last group that a scenario ran.
class last_group_picture {
 public:
  explicit last_group_picture(atl::sim::diagram_window window) : window_{window} {}

  void begin(const std::string& heading) {
    heading_ = heading;
    picture_.emplace(window_);
  }
  void note(const atl::sim::run_event& event) {
    if (picture_)
      picture_->note(event);
  }
  bool write(const std::string& file, const std::string& title, const std::string& replay) const {
    std::ofstream out{file, std::ios::binary};
    out << (picture_ ? picture_->svg({title, heading_, replay}) : std::string{});
    out.close();
    return static_cast<bool>(out);
  }

 private:
  atl::sim::diagram_window window_;
  std::string heading_;
  std::optional<atl::sim::diagram> picture_;
};

void print(const simulate_arguments& arguments, const atl::plugin& plugin, const finding& found) {
  if (arguments.json) {
    nlohmann::json out{{"plugin", plugin.name()},
                       {"version", plugin.version()},
                       {"scenario", arguments.scenario},
                       {"property", found.property},
                       {"claim", found.claim},
                       {"verdict", name_of(found.what)},
                       {"cases", found.cases},
                       {"detail", found.detail},
                       {"replay", replay_command(arguments)}};
    std::cout << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return;
  }
  std::cout << fmt::format("{} {}, scenario {}: {}\n  {}{}, {} cases{}{}\n", plugin.name(),
                           plugin.version(), arguments.scenario, name_of(found.what),
                           found.property, found.claim.empty() ? "" : " [" + found.claim + "]",
                           found.cases, found.detail.empty() ? "" : ": ", found.detail);
  if (found.what == verdict::broken)
    std::cout << "  replay: " << replay_command(arguments) << " --trace\n";
}

/// Checks that `--ids` has enough ids for the largest requested group and its spares.
atl::status check_ids_for(const simulate_arguments& arguments, const atl::plugin& plugin,
                          const scenario_info& scenario) {
  auto replicas = arguments.replicas_given
                      ? arguments.replicas
                      : *std::max_element(scenario.sizes.begin(), scenario.sizes.end());
  return check_ids(arguments.ids, replicas + (plugin.claim("changes_members") == "yes" ? 2 : 0));
}

int no_such_scenario(const std::string& name) {
  std::vector<std::string> names;
  for (auto& each : scenarios())
    names.push_back(each.name);
  std::cerr << fmt::format("atoll: there is no scenario '{}'{}; --scenario list names them all\n",
                           name, atl::did_you_mean(name, names));
  return exit_usage;
}

} // namespace

int list_scenarios(const simulate_arguments& arguments) {
  if (arguments.json) {
    auto out = nlohmann::json::array();
    for (auto& each : scenarios())
      out.push_back({{"scenario", each.name},
                     {"property", each.sentence},
                     {"claim", each.claim},
                     {"replicas", each.sizes}});
    std::cout << out.dump(2) << '\n';
    return exit_ok;
  }
  for (auto& each : scenarios())
    std::cout << fmt::format("{:<32} {}{}\n", each.name, each.sentence,
                             each.claim.empty() ? "" : " [" + each.claim + "]");
  return exit_ok;
}

int run_named_scenario(const simulate_arguments& arguments, const atl::plugin& plugin,
                       const atl::spi::options& options) {
  auto all = scenarios();
  auto scenario = std::find_if(all.begin(), all.end(),
                               [&](auto& each) { return each.name == arguments.scenario; });
  if (scenario == all.end())
    return no_such_scenario(arguments.scenario);
  auto window = make_window(arguments);
  auto ids = check_ids_for(arguments, plugin, *scenario);
  if (!window || !ids) {
    std::cerr << "atoll: " << (window ? ids.error() : window.error()).message << '\n';
    return exit_usage;
  }
  last_group_picture picture{*window};
  scenario_observer observer;
  observer.on_group = [&](const std::string& heading) {
    if (arguments.trace)
      std::cout << "-- " << heading << '\n';
    picture.begin(heading);
  };
  if (arguments.trace)
    observer.trace = [](std::string_view line) { std::cout << line << '\n'; };
  if (!arguments.diagram.empty())
    observer.observe = [&](const atl::sim::run_event& event) { picture.note(event); };
  scenario_choice choice{arguments.replicas_given ? arguments.replicas : 0, arguments.ids};
  auto found = run_scenario(plugin.descriptor(), options, arguments.scenario, choice, observer);
  print(arguments, plugin, *found);
  if (!arguments.diagram.empty()) {
    auto title =
        fmt::format("{} {}, scenario {}: {}", plugin.name(), plugin.version(), arguments.scenario,
                    found->detail.empty() ? name_of(found->what) : found->detail);
    if (!picture.write(arguments.diagram, title, replay_command(arguments))) {
      std::cerr << "atoll: " << arguments.diagram << " can't be written\n";
      return exit_usage;
    }
  }
  return found->what == verdict::broken ? exit_failed : exit_ok;
}
