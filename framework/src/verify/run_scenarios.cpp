#include "run_scenarios.hpp"

#include "scenarios/scenario_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace atl::verify {

namespace {

/// In single quotes, for a shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text)
    out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

/// A boolean option that is inverted, as `KEY=VALUE`; empty: none.
using inverted_option = std::string;

/// The command that runs a scenario again, with the options that the caller gave.
std::string replay(const scenario& it, const scenario_setting& setting,
                   const inverted_option& inverted, recorder& out) {
  auto& words = out.how().words;
  auto text = fmt::format("atoll simulate {} --scenario {} --replicas {}",
                          words.plugin.empty() ? out.result().plugin : words.plugin, it.name,
                          setting.replicas);
  if (!setting.ids.empty())
    text += fmt::format(" --ids {}", fmt::join(setting.ids, ","));
  auto key = [](const std::string& option) { return option.substr(0, option.find('=')); };
  for (auto& given : words.options)
    if (inverted.empty() || key(given) != key(inverted))
      text += " --option " + quoted(given);
  return inverted.empty() ? text : text + " --option " + inverted;
}

std::string reason_to_skip(const scenario& it, const scenario_setting& setting) {
  if (it.reason_to_skip)
    if (auto why = it.reason_to_skip(setting.protocol); !why.empty())
      return why;
  if (!setting.protocol.admits(setting.replicas))
    return fmt::format("its options admit no group of {} replicas", setting.replicas);
  if (it.moves_clocks && setting.protocol.trusts_clocks)
    return "clocks jump in it, and with these options the protocol trusts them";
  if (!it.any_size &&
      std::find(it.sizes.begin(), it.sizes.end(), setting.replicas) == it.sizes.end())
    return fmt::format("its groups have {} replicas", fmt::join(it.sizes, " or "));
  return {};
}

/// The first size of the scenario that the options admit; without any, its first size.
std::uint32_t first_size(const scenario& it, const tested_protocol& protocol) {
  auto found = std::ranges::find_if(it.sizes, [&](auto size) { return protocol.admits(size); });
  return found == it.sizes.end() ? it.sizes.front() : *found;
}

/// Runs a scenario, and turns every error into `broken`.
std::uint64_t run_one(const scenario& it, const scenario_setting& setting) {
  try {
    return it.run(setting);
  } catch (const broken&) {
    throw;
  } catch (const std::exception& thrown) {
    throw broken(fmt::format("it threw: {}", thrown.what()));
  } catch (...) {
    throw broken("it threw something that is no std::exception");
  }
}

/// The same, and a failure includes the command that reproduces it.
std::uint64_t run_one(const scenario& it, const scenario_setting& setting,
                      const inverted_option& inverted, recorder& out) {
  try {
    return run_one(it, setting);
  } catch (const broken& how) {
    throw broken(fmt::format("{} replicas: {}\n  replay: {}", setting.replicas, how.what(),
                             replay(it, setting, inverted, out)));
  }
}

/// Runs the scenarios again that allow a variation; a failure names the variation.
std::uint64_t run_again(const scenario_setting& setting, const inverted_option& inverted,
                        recorder& out) {
  std::uint64_t cases = 0;
  for (auto& it : all_scenarios()) {
    if (it.once || !reason_to_skip(it, setting).empty())
      continue;
    try {
      cases += run_one(it, setting, inverted, out);
    } catch (const broken& how) {
      throw broken(fmt::format("{}: {}", it.sentence, how.what()));
    }
  }
  return cases;
}

/// Ids of 9 to 32 bits. For each number of low bytes, at least two ids agree in these bytes.
const std::vector<spi::replica_id> long_ids{2'147'483'649, 16'777'217, 257, 65'793, 4'294'967'041};

/// The options with one boolean option inverted.
struct inverted_options {
  inverted_option words;
  spi::options options;
};
std::vector<inverted_options> invert_each(const spi::options& options) {
  std::vector<inverted_options> out;
  for (auto& [name, value] : options.values())
    if (auto* on = std::get_if<bool>(&value))
      out.push_back({fmt::format("{}={}", name, !*on), options.with(name, !*on)});
  return out;
}

/// A plugin may refuse options that contradict each other.
bool can_be_made(const tested_protocol& protocol) {
  try {
    protocol.factory({protocol.options, 1, {1, 2, 3}, 1, 1});
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

/// None when the run fails: the scenario that needs the run reports why.
std::optional<reference_run> try_reference_run(const tested_protocol& protocol) {
  try {
    return run_in_another_process(protocol, false);
  } catch (const broken&) {
    return std::nullopt;
  }
}

/// Ends a scenario's trace and its picture with the failure.
class failure_reporter {
 public:
  explicit failure_reporter(const scenario_observer& to) : observer_{to} {
    if (to.observe)
      observer_.observe = [this, &to](const sim::run_event& event) {
        last_ = event.at;
        to.observe(event);
      };
  }
  const scenario_observer& observer() const { return observer_; }

  void report_failure(const std::string& why) const {
    if (observer_.trace)
      observer_.trace("FAILED: " + why);
    if (observer_.observe)
      observer_.observe({.what = sim::run_event_kind::violated, .at = last_, .text = why});
  }

 private:
  scenario_observer observer_;
  std::int64_t last_ = 0;
};

} // namespace

void try_scenarios(const spi::descriptor& plugin, const spi::options& options, recorder& out) {
  auto protocol = make_tested_protocol(plugin, options);
  auto reference = try_reference_run(protocol);
  for (auto& it : all_scenarios()) {
    if (auto why = reason_to_skip(it, {protocol, first_size(it, protocol)}); !why.empty()) {
      out.skip(it.sentence, why);
      continue;
    }
    out.check(it.sentence, it.claim, [&] {
      std::uint64_t cases = 0;
      for (auto size : it.sizes)
        if (protocol.admits(size))
          cases += run_one(it, {protocol, size, {}, nullptr, reference ? &*reference : nullptr}, {},
                           out);
      return cases;
    });
  }
  out.check("scenarios in groups of four, six and seven", "", [&] {
    std::uint64_t cases = 0;
    for (std::uint32_t replicas : {4, 6, 7})
      cases += run_again({protocol, replicas}, {}, out);
    return cases;
  });
  out.check("scenarios with replica ids of up to 32 bits", "", [&] {
    return run_again({protocol, 3, long_ids}, {}, out);
  });
  for (auto& inverted : invert_each(options)) {
    auto other = make_tested_protocol(plugin, inverted.options);
    if (can_be_made(other))
      out.check("scenarios with " + inverted.words, "", [&] {
        return run_again({other, 3}, inverted.words, out);
      });
  }
}

std::vector<scenario_info> scenarios() {
  std::vector<scenario_info> out;
  for (auto& it : all_scenarios())
    out.push_back({it.name, it.sentence, it.claim, it.sizes});
  return out;
}

std::optional<finding> run_scenario(const spi::descriptor& plugin, const spi::options& options,
                                    std::string_view name, const scenario_choice& choice,
                                    const scenario_observer& observer) {
  auto& all = all_scenarios();
  auto it = std::find_if(all.begin(), all.end(), [name](auto& each) { return each.name == name; });
  if (it == all.end())
    return std::nullopt;
  auto protocol = make_tested_protocol(plugin, options);
  failure_reporter reporter{observer};
  finding out{it->sentence, it->claim, verdict::kept, 0, {}};
  auto sizes = choice.replicas != 0 ? std::vector{choice.replicas} : it->sizes;
  for (auto size : sizes) {
    scenario_setting setting{protocol, size, choice.ids, &reporter.observer()};
    if (auto why = reason_to_skip(*it, setting); !why.empty()) {
      out.what = verdict::skipped;
      out.detail = why;
      return out;
    }
    try {
      out.cases += run_one(*it, setting);
    } catch (const broken& how) {
      out.what = verdict::broken;
      out.detail = fmt::format("{} replicas: {}", size, how.what());
      reporter.report_failure(out.detail);
      return out;
    }
  }
  return out;
}

} // namespace atl::verify
