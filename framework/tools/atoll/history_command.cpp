#include "commands.hpp"
#include "input_file.hpp"

#include <atoll/sim/history_reader.hpp>
#include <atoll/sim/linearizability.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <memory>
#include <set>
#include <string>

namespace {

using namespace atl::sim;

struct history_arguments {
  std::string file;
  std::uint64_t steps = 20'000'000;
  bool json = false;
};

/// What is known of a history once the first `events` of it are over.
history before(const recorded_history& all, std::int64_t events) {
  history part;
  for (auto it : all.operations) {
    if (it.invoked > events)
      continue;
    if (it.outcome != operation_outcome::unknown && it.returned > events)
      it.outcome = operation_outcome::unknown; // not yet ended
    part.push_back(it);
  }
  return part;
}

/// What is left of it when the first `events` are forgotten: a register may hold anything there.
history since(const history& all, std::int64_t events, std::uint64_t key, register_value held) {
  history part;
  if (held) {
    operation first;
    first.key = key;
    first.kind = operation_kind::write;
    first.argument = held;
    part.push_back(first);
  }
  for (auto& it : all)
    if (it.key == key && (it.outcome == operation_outcome::unknown || it.returned > events))
      part.push_back(it);
  return part;
}

/// The smallest number for which `holds`, which goes on holding above it; it holds for `high`.
template <class Holds>
std::int64_t smallest(std::int64_t low, std::int64_t high, Holds holds) {
  while (low < high) {
    auto middle = low + (high - low) / 2;
    if (holds(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return high;
}

struct window {
  std::int64_t first = 0; ///< event
  std::int64_t last = 0;  ///< the event with which no order is left
  history operations;
};

/// Events between which no order of the operations is left, whatever the register held before.
window find_window(const recorded_history& all, std::uint64_t key,
                   const linearizability_limits& limits) {
  auto wrong = [&](const history& part) {
    return check_linearizable(part, limits).what == verdict::not_linearizable;
  };
  window found;
  auto total = static_cast<std::int64_t>(all.events);
  found.last = smallest(1, total, [&](auto events) { return wrong(before(all, events)); });
  auto part = before(all, found.last);
  std::set<register_value> values{std::nullopt};
  for (auto& it : part)
    for (auto& value : {it.argument, it.expected, it.result})
      if (it.key == key)
        values.insert(value);
  // From the end backwards: how much must be seen until every start is refuted?
  auto back = smallest(1, found.last, [&](auto events) {
    return std::all_of(values.begin(), values.end(), [&](auto& held) {
      return wrong(since(part, found.last - events, key, held));
    });
  });
  found.first = found.last - back + 1;
  found.operations = since(part, found.last - back, key, std::nullopt);
  return found;
}

int check(const history_arguments& arguments) {
  auto text = read_input(arguments.file);
  if (!text) {
    std::cerr << "atoll: " << text.error().message << '\n';
    return exit_usage;
  }
  auto read = read_history(*text);
  if (!read) {
    std::cerr << "atoll: " << arguments.file << ": " << read.error().message << '\n';
    return exit_usage;
  }
  linearizability_limits limits{arguments.steps};
  auto report = check_linearizable(read->operations, limits);
  nlohmann::json out{{"operations", read->operations.size()}, {"steps", report.steps}};
  std::string words;
  auto code = exit_ok;
  switch (report.what) {
  case verdict::linearizable:
    out["verdict"] = "linearizable";
    words = fmt::format("linearizable: {} operations\n", read->operations.size());
    break;
  case verdict::gave_up:
    code = exit_usage;
    out["verdict"] = "unknown";
    out["reason"] = report.reason;
    words = fmt::format("unknown: gave up after {} steps ({}); --steps raises the bound\n",
                        report.steps, report.reason);
    break;
  case verdict::not_linearizable: {
    code = exit_failed;
    auto seen = find_window(*read, report.key, limits);
    out["verdict"] = "not linearizable";
    out["key"] = report.key;
    out["first_event"] = seen.first;
    out["last_event"] = seen.last;
    words = fmt::format("not linearizable: no order explains what key {} did up to event {}. It "
                        "shows from event {} on, whatever the register held before:\n",
                        report.key, seen.last, seen.first);
    for (auto& it : seen.operations) {
      words += "  " + to_string(it) + "\n";
      out["window"].push_back(to_string(it));
    }
  }
  }
  std::cout << (arguments.json ? out.dump() + "\n" : words);
  return code;
}

} // namespace

void add_history_command(CLI::App& app, int& code) {
  auto arguments = std::make_shared<history_arguments>();
  auto* command = app.add_subcommand("check-history",
                                     "Whether a recorded history of a register is linearizable.\n"
                                     "Reads the log of a Jepsen run, knossos EDN, or a JSON object "
                                     "a line, and prints the smallest\n"
                                     "part that shows it isn't");
  command->add_option("file", arguments->file, "The history")->required();
  command->add_option("--steps", arguments->steps, "Placements tried for each key, at most")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Print JSON, for programs");
  command->callback([arguments, &code] { code = check(*arguments); });
}
