#include "run_atoll.hpp"

#include <filesystem>
#include <pty.h>
#include <set>
#include <unistd.h>
#include <vector>

/// The commands that `atoll verify` prints for seeds that failed, and its progress.
namespace {

struct replayable {
  std::string command; ///< without `atoll`
  std::string hash;    ///< of the run
};

/// The word after the last `words` before `end`.
std::string word_after(const std::string& text, const std::string& words, std::size_t end) {
  auto at = text.rfind(words, end) + words.size();
  return text.substr(at, text.find_first_of(" \n", at) - at);
}

std::vector<replayable> replay_arguments_in(const std::string& out) {
  std::vector<replayable> all;
  std::string words = "replay: atoll ";
  for (auto at = out.find(words); at != std::string::npos; at = out.find(words, at + 1)) {
    auto begin = at + words.size();
    auto command = out.substr(begin, out.find('\n', at) - begin);
    if (contains(command, " --seed "))
      all.push_back({command, word_after(out, "hash ", at)});
  }
  return all;
}

const auto short_lived =
    fmt::format("verify short_lived --path {} --seeds 60 --jobs 1 ", std::string{BROKEN_PLUGINS});

} // namespace

TEST_CASE("each printed command reproduces the failed run, including drawn options") {
  std::set<std::string> kinds;
  auto drawn = 0;
  for (auto first : {1, 100, 200}) {
    auto [code, out] = run_atoll(short_lived + fmt::format("--first {}", first));
    CHECK(code == 1);
    auto all = replay_arguments_in(out);
    CHECK(all.size() >= 8);
    for (auto& [command, hash] : all) {
      drawn += contains(command, "--option 'keep_entries=");
      for (auto word : {"--payload ", "--clients 32", "--damage 2", "wiped_disks", "--duration 1m",
                        "lease=true", "--replicas 5"})
        if (contains(command, word))
          kinds.insert(word);
      auto again = run_atoll(command);
      CHECK_MESSAGE(again.code == 1, command);
      CHECK_MESSAGE(contains(again.out, "hash " + hash), command);
    }
  }
  CHECK(drawn > 2);
  CHECK(kinds.size() == 7);
}

TEST_CASE("the printed command contains the caller's options, which are not drawn") {
  auto given =
      R"(--option "motto=\"it's \$HOME; a b\"" --option lease=false --option heartbeat=50ms)";
  auto [code, out] = run_atoll(short_lived + given);
  CHECK(code == 1);
  for (auto& [command, hash] : replay_arguments_in(out)) {
    CHECK_MESSAGE(contains(command, R"(--option 'motto="it'\''s $HOME; a b"')"), command);
    CHECK_MESSAGE(contains(command, "--option 'heartbeat=50ms'"), command);
    CHECK_MESSAGE(contains(run_atoll(command).out, "hash " + hash), command);
  }
}

TEST_CASE("the printed path of a plugin in a folder with a blank is quoted for a shell") {
  temporary_folder folder;
  auto odd = folder / "it's a folder";
  std::filesystem::create_directory(odd);
  std::filesystem::copy(fmt::format("{}/short_lived.so", BROKEN_PLUGINS), odd);
  auto quoted = fmt::format("\"{}\"", odd.string());
  for (auto plugin : {"short_lived --path " + quoted, quoted + "/short_lived.so"}) {
    auto [code, out] = run_atoll("verify --seeds 1 " + plugin);
    CHECK_MESSAGE(code == 1, out);
    auto all = replay_arguments_in(out);
    REQUIRE(!all.empty());
    CHECK_MESSAGE(contains(run_atoll(all[0].command).out, "hash " + all[0].hash), all[0].command);
  }
}

TEST_CASE("the command that simulate prints for a seed is quoted for a shell, too") {
  auto [code, out] = run_atoll(fmt::format(
      R"(simulate short_lived --path {} --seeds 2 --payload 3KiB --option "motto=it's so")",
      BROKEN_PLUGINS));
  CHECK(code == 1);
  auto all = replay_arguments_in(out);
  REQUIRE(all.size() == 2);
  CHECK(contains(all[0].command, "--payload 3KiB"));
  for (auto& [command, hash] : all)
    CHECK_MESSAGE(contains(run_atoll(command).out, "hash " + hash), command);
  auto large = run_atoll(
      fmt::format("simulate short_lived --path {} --payload 9MiB", std::string{BROKEN_PLUGINS}));
  CHECK(large.code == 2);
  CHECK(contains(large.out, "--payload 9MiB: at most 8MiB are simulated"));
}

TEST_CASE("progress is shown only on a terminal") {
  std::string arguments = "verify raft --seeds 1 --path " + std::string{ATOLL_PLUGINS};
  CHECK(!contains(run_atoll(arguments).out, "left"));
  int terminal = -1;
  auto child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    auto command = fmt::format("'{}' {}", ATOLL_PROGRAM, arguments);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  std::string out;
  char buffer[4096];
  for (ssize_t got; (got = ::read(terminal, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(got));
  ::close(terminal);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  CHECK_MESSAGE(contains(out, "% of the simulated runs done, about "), out);
  CHECK(contains(out, "every promise that was tried is kept"));
}
