#include "atoll_commands.hpp"
#include "input_file.hpp"

#include <atoll/sim/history_reader.hpp>
#include <atoll/sim/history_window.hpp>
#include <atoll/sim/linearizability.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <memory>
#include <string>

namespace {

using namespace atl::sim;

struct history_arguments {
  std::string file;
  std::uint64_t steps = 20'000'000;
  bool json = false;
};

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
    auto seen = find_window(read->operations, report.key, limits);
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
