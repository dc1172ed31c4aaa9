#include "cli/job_commands.hpp"

#include "cli/commands.hpp"

#include <string>
#include <vector>

namespace dfs::cli {

namespace {

void add_sums(CLI::App& job, context& with, chosen_command& call) {
  static std::vector<std::string> paths;
  auto add = [&](const std::string& name, job::job_kind kind, const std::string& description) {
    auto* command = job.add_subcommand(name, description);
    add_words(*command, "PATH…", paths, "Files")->required();
    command->callback([&, kind] {
      call = [&, kind] {
        job_arguments what;
        what.spec.kind = kind;
        what.paths = paths;
        return cli::run_jobs(with, what);
      };
    });
  };
  add("checksum", job::job_kind::checksum, "Checksum and size of files, as cksum prints them");
  add("count", job::job_kind::count, "Lines, words and bytes of files, as LC_ALL=C wc prints them");
}

void add_grep(CLI::App& job, context& with, chosen_command& call) {
  static job_arguments what;
  what.spec.kind = job::job_kind::grep;
  auto* grep = job.add_subcommand(
      "grep", "Lines that match an extended regular expression, as LC_ALL=C grep -aE prints them; "
              "exits with 1 if there are none");
  add_words(*grep, "PATTERN PATH…", what.paths,
            "An extended regular expression, without back-references, and files")
      ->required();
  grep->add_flag("-i,--ignore-case", what.spec.ignore_case, "Ignore the case of ASCII letters");
  grep->add_flag("-v,--invert-match", what.spec.invert, "The lines that don't match");
  grep->add_flag("-n,--line-number", what.spec.line_numbers, "Each line with its number");
  grep->add_flag("--count", what.spec.count_only, "The number of lines alone");
  grep->callback([&] {
    call = [&] {
      if (what.paths.size() < 2)
        return report_error({atl::errc::invalid, "where? grep takes a pattern, and files: dfs job "
                                                 "grep PATTERN PATH…"});
      what.spec.pattern = what.paths.front();
      what.paths.erase(what.paths.begin());
      return cli::run_jobs(with, what);
    };
  });
}

} // namespace

void add_job_commands(CLI::App& app, context& with, chosen_command& call) {
  auto* job = app.add_subcommand(
      "job", "Work on files where their chunks are: storage nodes do it, and what they say is put "
             "together. --json writes the totals");
  job->require_subcommand(1);
  add_sums(*job, with, call);
  add_grep(*job, with, call);
}

} // namespace dfs::cli
