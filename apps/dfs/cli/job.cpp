#include "cli/commands.hpp"
#include "cli/interrupt_watch.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/transfer_tally.hpp"
#include "client/paths.hpp"

#include <atoll/core/logging.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using nlohmann::json;

/// The storage nodes that are up, as a master sees them.
atl::result<std::vector<job_node>> find_nodes(control& masters) {
  auto answer = masters.call_any(protocol::kind::status, {});
  if (!answer)
    return tl::unexpected{answer.error()};
  std::vector<job_node> nodes;
  try {
    auto view = json::parse(*answer);
    for (auto& node : view.at("storages")) {
      auto where = node.at("health") == "down"
                       ? std::nullopt
                       : std::optional{atl::parse_endpoint(node.at("endpoint").get<std::string>())};
      if (where && *where && node.at("id") != no_storage)
        nodes.push_back({node.at("id").get<storage_id>(), node.at("name"), node.at("zone"),
                         node.at("weight").get<double>(), **where});
    }
  } catch (const json::exception& problem) {
    return fail(errc::corrupt,
                fmt::format("a master's list of storage nodes can't be read: {}", problem.what()));
  }
  return nodes;
}

/// Runs the job on one file after the other, and prints what comes out.
class job_command {
 public:
  job_command(context& with, const job_arguments& what) : with_{with}, what_{what} {
    what_.spec.count_only = what.spec.count_only || with.json;
  }

  int run() {
    // A lost connection is no news for the user: its pieces go elsewhere.
    atl::log::start("dfs", atl::log::level::error);
    interrupt_watch signals;
    if (auto valid = job::check(what_.spec); !valid)
      return report_error(valid.error());
    auto files = with_.files();
    if (!files)
      return report_error(files.error());
    auto nodes = find_nodes((*files)->masters());
    if (!nodes)
      return report_error(nodes.error());
    auto jobs = (*files)->make_job_runner(std::move(*nodes));
    if (!jobs)
      return report_error(jobs.error());
    auto size = measure(**files);
    number_width_ = std::to_string(size.bytes).size();
    signals.on_signal([&] { (*jobs)->cancel(); });
    run_all(**jobs, size);
    signals.on_signal(nullptr);
    if (auto signal = signals.caught(); signal != 0)
      return exit_code_of_signal(signal);
    return finish();
  }

 private:
  transfer_size measure(file_client& files) const {
    transfer_size total;
    for (auto& path : what_.paths)
      if (auto entry = stat_path(files.masters(), path);
          entry && entry->attributes.type == inode_type::file) {
        ++total.files;
        total.bytes += entry->attributes.size_bytes;
      }
    return total;
  }

  void run_all(job_runner& jobs, transfer_size size) {
    // Lines and progress would overwrite each other.
    auto prints_lines = what_.spec.kind == job::job_kind::grep && !what_.spec.count_only;
    context shown;
    shown.json = with_.json;
    shown.quiet = with_.quiet || (prints_lines && is_output_terminal());
    progress_bar bar{shown, size};
    for (auto& path : what_.paths) {
      auto ran = jobs.run(path, what_.spec, make_sink(path), bar.begin_file(path));
      bar.end_file(path, ran ? ran->result.bytes : 0);
      if (jobs.is_cancelled() || has_output_failed())
        return;
      if (ran)
        take(path, *ran);
      else
        tally_.fail(ran.error());
      if (tally_.has_given_up())
        return;
    }
  }

  job::line_sink make_sink(const std::string& path) const {
    return [&path, this](std::uint64_t number, std::string_view text) -> atl::status {
      write_output(prefix(path));
      if (number != 0)
        print("{}:", number);
      write_output(text);
      write_output("\n");
      if (has_output_failed())
        return fail(errc::io, "standard output takes no more");
      return {};
    };
  }

  std::string prefix(const std::string& path) const {
    return what_.paths.size() > 1 ? path + ":" : std::string{};
  }

  void take(const std::string& path, const job_outcome& outcome) {
    auto& is = outcome.result;
    json entry{{"path", path},
               {"bytes", is.bytes},
               {"pieces_at_nodes", outcome.pieces_at_nodes},
               {"pieces_here", outcome.pieces_here}};
    tally_.succeed(is.bytes);
    switch (what_.spec.kind) {
    case job::job_kind::checksum:
      entry["checksum"] = is.checksum;
      print_text("{} {} {}\n", is.checksum, is.bytes, path);
      break;
    case job::job_kind::count:
      entry["lines"] = is.lines;
      entry["words"] = is.words;
      print_counts(is, path);
      total_.lines += is.lines;
      total_.words += is.words;
      total_.bytes += is.bytes;
      break;
    case job::job_kind::grep:
      entry["matches"] = is.matches;
      total_.matches += is.matches;
      if (what_.spec.count_only)
        print_text("{}{}\n", prefix(path), is.matches);
      break;
    }
    files_.push_back(std::move(entry));
  }

  template <class... T>
  void print_text(fmt::format_string<T...> format, T&&... arguments) const {
    if (!with_.json)
      cli::print(format, std::forward<T>(arguments)...);
  }

  /// In columns as wide as the sum of the sizes, as `wc` does it.
  void print_counts(const job::job_result& is, const std::string& path) const {
    print_text("{:>{}} {:>{}} {:>{}} {}\n", is.lines, number_width_, is.words, number_width_,
               is.bytes, number_width_, path);
  }

  int finish() {
    if (with_.json)
      print("{}\n", json{{"job", to_string(what_.spec.kind)}, {"files", files_}}.dump(
                        -1, ' ', is_output_terminal(), json::error_handler_t::replace));
    else if (what_.spec.kind == job::job_kind::count && what_.paths.size() > 1)
      print_counts(total_, "total");
    if (tally_.code() == done && what_.spec.kind == job::job_kind::grep && total_.matches == 0)
      return failed; // as grep
    return tally_.code();
  }

  context& with_;
  job_arguments what_;
  std::size_t number_width_ = 1;
  transfer_tally tally_;
  job::job_result total_;
  json files_ = json::array();
};

} // namespace

int run_jobs(context& with, const job_arguments& what) {
  return job_command{with, what}.run();
}

} // namespace dfs::cli
