#include "storm_clients.hpp"

#include "client/file_client.hpp"
#include "client/paths.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <signal.h>
#include <utility>

namespace {

using atl::errc;

// Exit codes of `dfs`, as docs/OPERATING.md lists them.
constexpr int code_failed = 1;
constexpr int code_unavailable = 5;
constexpr int code_killed = 128 + SIGKILL;

std::string describe(const storm_operation& what) {
  std::string text;
  for (const auto& effect : what)
    text += fmt::format("{}{}: {} -> {}", text.empty() ? "" : ", ", effect.path, effect.before,
                        effect.after);
  return text;
}

} // namespace

storm_client::storm_client(test_cluster& cluster, int number, std::uint64_t seed)
    : cluster_{cluster}, random_{seed}, files_{fmt::format("/client-{}", number), seed + 1} {
  auto made = cluster.dfs({"mkdir", fmt::format("/client-{}", number)});
  REQUIRE_MESSAGE(made.code == 0, made.err);
}

void storm_client::start() {
  thread_ = std::thread{[this] { run(); }};
}

void storm_client::stop() {
  stopping_ = true;
  if (thread_.joinable())
    thread_.join();
}

void storm_client::run() {
  while (!stopping_) {
    auto file = files_.any_file();
    if (file && random_.chance(0.3)) {
      if (read(*file))
        ++count_;
      continue;
    }
    auto next = files_.next_operation();
    auto outcome = carry_out(next);
    files_.note(next, outcome);
    if (outcome == storm_outcome::done)
      ++count_;
  }
}

// -- with the library --------------------------------------------------------------------------

struct library_storm_client::connection {
  dfs::cluster_settings settings;
  std::unique_ptr<dfs::file_client> client;
};

library_storm_client::library_storm_client(test_cluster& cluster, int number, std::uint64_t seed)
    : storm_client{cluster, number, seed}, connection_{std::make_unique<connection>()} {
  connection_->settings = cluster.settings();
  auto connected = dfs::file_client::connect(connection_->settings);
  REQUIRE_MESSAGE(connected, connected.error().message);
  connection_->client = std::move(*connected);
}

library_storm_client::~library_storm_client() {
  stop();
}

storm_outcome library_storm_client::carry_out(const storm_operation& what) {
  auto& client = *connection_->client;
  auto outcome_of = [&](const auto& result) {
    if (result)
      return storm_outcome::done;
    auto& problem = result.error();
    note_error(problem.message);
    if (problem.code == errc::not_found || problem.code == errc::exists ||
        problem.code == errc::corrupt || problem.code == errc::invalid)
      violate(fmt::format("{}: {}", describe(what), problem.message));
    return problem.code == errc::timeout ? storm_outcome::unknown : storm_outcome::not_done;
  };
  auto& first = what.front();
  if (what.size() > 1) {
    dfs::commands::rename move{*dfs::place_of(first.path),
                               *dfs::place_of(what[1].path),
                               dfs::commands::rename::how::replace,
                               {}};
    return outcome_of(client.masters().run(move));
  }
  if (first.after == 0) {
    dfs::commands::unlink removal;
    removal.where = *dfs::place_of(first.path);
    return outcome_of(client.masters().run(removal));
  }
  auto bytes = storm_bytes(first.after);
  std::size_t taken = 0;
  auto source = [&](std::span<char> into) -> atl::result<std::size_t> {
    auto count = std::min(into.size(), bytes.size() - taken);
    std::copy_n(bytes.data() + taken, count, into.data());
    taken += count;
    return count;
  };
  return outcome_of(client.put(source, first.path, {}));
}

bool library_storm_client::read(const storm_effect& file) {
  std::string got;
  auto into = [&](std::string_view piece) -> atl::status {
    got += piece;
    return {};
  };
  auto done = connection_->client->get(file.path, into);
  auto wanted = storm_bytes(file.after);
  if (done ? got != wanted : !wanted.starts_with(got))
    violate(file.path + " has other bytes than were stored");
  if (done)
    return true;
  note_error(done.error().message);
  if (done.error().code == errc::not_found || done.error().code == errc::corrupt)
    violate(fmt::format("{}: {}", file.path, done.error().message));
  return false;
}

// -- with the program --------------------------------------------------------------------------

program_storm_client::program_storm_client(test_cluster& cluster, int number, std::uint64_t seed,
                                           std::vector<std::string> environment)
    : storm_client{cluster, number, seed},
      local_file_{(cluster.folder() / fmt::format("local-{}", number)).string()},
      environment_{std::move(environment)} {}

bool program_storm_client::kill() {
  std::lock_guard lock{mutex_};
  return running_ != 0 && ::kill(running_, SIGKILL) == 0;
}

/// The program's number isn't given to another process before `running_` is 0, because the lock is
/// held while its end is collected.
int program_storm_client::run_program(const std::vector<std::string>& words) {
  std::vector<std::string> all{"/usr/bin/env"};
  all.insert(all.end(), environment_.begin(), environment_.end());
  for (auto& word :
       {program("dfs").string(), std::string{"--cluster"}, cluster().folder().string()})
    all.push_back(word);
  all.insert(all.end(), words.begin(), words.end());
  auto started = start_program(all);
  {
    std::lock_guard lock{mutex_};
    running_ = started;
  }
  siginfo_t ended{};
  while (::waitid(P_PID, static_cast<id_t>(started), &ended, WEXITED | WNOWAIT) != 0) {
  }
  std::lock_guard lock{mutex_};
  running_ = 0;
  auto code = wait_for(started);
  if (code != 0)
    note_error(fmt::format("'dfs {}' ended with {}", words.front(), code));
  return code;
}

storm_outcome program_storm_client::carry_out(const storm_operation& what) {
  auto& first = what.front();
  int code = 0;
  if (what.size() > 1) {
    code = run_program({"mv", first.path, what[1].path});
  } else if (first.after == 0) {
    code = run_program({"rm", first.path});
  } else {
    write_file(local_file_, storm_bytes(first.after));
    code = run_program({"put", local_file_, first.path});
  }
  if (code == 0)
    return storm_outcome::done;
  if (code == code_unavailable || code == code_killed) // the former also after a timeout
    return storm_outcome::unknown;
  if (code != code_failed)
    violate(fmt::format("{}: exit code {}", describe(what), code));
  return storm_outcome::not_done;
}

bool program_storm_client::read(const storm_effect& file) {
  std::filesystem::remove(local_file_);
  auto code = run_program({"get", file.path, local_file_});
  if (code == 0 && read_file(local_file_) != storm_bytes(file.after))
    violate(file.path + " has other bytes than were stored");
  if (code != 0 && code != code_failed && code != code_unavailable && code != code_killed)
    violate(fmt::format("get {}: exit code {}", file.path, code));
  return code == 0;
}
