#include "atoll_commands.hpp"
#include "plugin_choice.hpp"
#include "progress_line.hpp"

#include <atoll/core/guarded_run.hpp>
#include <atoll/verify/verify.hpp>

#include <iostream>
#include <memory>
#include <thread>

namespace {

struct verify_arguments {
  plugin_choice choice;
  atl::verify::effort how;
  std::uint64_t only = 0;
  unsigned jobs = 0;
  int idle_timeout = 300;
  bool json = false;
  std::string kind;
};

/// Whether the plugin's factory refuses the options, tried in a child process. The verifier reports
/// a crash there.
bool refuses(const atl::plugin& plugin, const atl::spi::options& options) {
  auto code = atl::run_guarded([&](const atl::announce_step& announce) {
    announce({plugin.file().string(), "creating an instance"});
    return atl::verify::try_to_create(plugin, options) ? exit_ok : exit_failed;
  });
  return code && *code == exit_failed;
}

int run(const verify_arguments& arguments) {
  auto plugin = find_plugin(arguments.choice, atl::parse_plugin_kind(arguments.kind));
  auto options = plugin ? chosen_options(**plugin, arguments.choice.options)
                        : atl::result<atl::spi::options>{tl::unexpected{plugin.error()}};
  if (!options) {
    std::cerr << "atoll: " << options.error().message << '\n';
    return exit_usage;
  }
  // Options that contradict each other are the caller's mistake; if the defaults do, the mistake is
  // the plugin's.
  if (!arguments.choice.options.empty() && refuses(**plugin, *options)) {
    std::cerr << "atoll: " << atl::verify::try_to_create(**plugin, *options).error().message
              << '\n';
    return exit_usage;
  }
  auto how = arguments.how;
  how.jobs =
      arguments.jobs != 0 ? arguments.jobs : std::max(1u, std::thread::hardware_concurrency());
  how.idle_timeout = std::chrono::seconds{arguments.idle_timeout};
  how.words = {shell_word(arguments.choice.name) + path_words(arguments.choice),
               arguments.choice.options};
  if (arguments.only != 0) {
    how.first = arguments.only;
    how.seeds = 1;
  }
  auto report = [&] {
    progress_line progress;
    how.on_progress = [&](double done) { progress.show(done); };
    return atl::verify::verify(**plugin, *options, how);
  }();
  std::cout << (arguments.json ? to_json(report) : to_text(report));
  return report.ok() ? exit_ok : exit_failed;
}

} // namespace

void add_verify_command(CLI::App& app, int& code) {
  auto arguments = std::make_shared<verify_arguments>();
  auto* command = app.add_subcommand(
      "verify",
      "Hold a plugin, the same .so that a cluster loads, to what its kind's interface and its own\n"
      "claims promise");
  add_plugin_choice(*command, arguments->choice);
  command->add_option("--kind", arguments->kind, "Of this kind, where several have one of the name")
      ->check(CLI::IsMember(atl::plugin_kind_names()));
  command
      ->add_option("--seeds", arguments->how.seeds,
                   "How hard to look: of a protocol so many runs of three replicas, and more\n"
                   "than as many again in groups of other sizes, with other clients and\n"
                   "faults; the default takes about ten seconds on two cores")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--first", arguments->how.first, "The first seed")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", arguments->only, "This one alone")->check(CLI::PositiveNumber);
  command->add_option("--jobs", arguments->jobs, "Threads; as many as there are cores by default");
  command
      ->add_option("--idle-timeout", arguments->idle_timeout,
                   "Seconds without any news after which the plugin is said to hang")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400));
  command->add_flag("--json", arguments->json, "Print JSON, for programs");
  command->callback([arguments, &code] { code = run(*arguments); });
}
