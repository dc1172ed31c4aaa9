// Measures `dfs job grep` beside the machine's own `grep` on the same bytes, and beside
// `dfs cat | grep`.
//
//   bench_job [--mib N] [--storages N] [--pattern EXPRESSION] [--rounds N] [--json FILE]

#include "client/file_client.hpp"
#include "running_cluster.hpp"
#include "table.hpp"

#include <atoll/spi/random.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

struct arguments {
  std::uint64_t mib = 1024;
  int storages = 3;
  std::string pattern = "user=[a-f]{3}7[0-9]+ .*status=50[0-9]";
  int rounds = 3;
  std::string json;
};

/// Lines like those of a server's log.
void write_log(const fs::path& file, std::uint64_t bytes) {
  atl::spi::random_source random{1};
  std::ofstream out{file, std::ios::binary};
  std::uint64_t written = 0;
  while (written < bytes) {
    auto drawn = random.next();
    auto line = fmt::format("2026-01-{:02} {:08x} user={:06x} path=/files/{:x} took={} status={}\n",
                            1 + drawn % 28, drawn >> 32, drawn & 0xffffff, drawn >> 20, drawn % 977,
                            drawn % 1000 == 0 ? 503 : 200);
    out << line;
    written += line.size();
  }
  out.close();
  if (!out)
    throw std::runtime_error(fmt::format("{} can't be written", file.string()));
}

std::string output_of(const std::string& command) {
  auto* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr)
    throw std::runtime_error("no shell");
  std::string text;
  std::array<char, 65536> buffer{};
  while (auto got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), got);
  ::pclose(pipe);
  return text;
}

/// The best of some rounds, in seconds. @param checksum of the output, which must be the same each
/// time
double measure(const std::string& command, int rounds, std::string& checksum) {
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    auto began = clock::now();
    auto sum = output_of("export LC_ALL=C; " + command + " | cksum");
    auto took = seconds_since(began);
    best = round == 0 ? took : std::min(best, took);
    if (!checksum.empty() && sum != checksum)
      throw std::runtime_error("the outputs differ: " + command);
    checksum = sum;
  }
  return best;
}

void run(const arguments& how) {
  temporary_folder scratch;
  auto file = scratch.path() / "log";
  auto bytes = how.mib << 20;
  write_log(file, bytes);
  running_cluster cluster{{.storages = how.storages, .durability = "replicated"}};
  {
    auto client = must(dfs::file_client::connect(cluster.settings()), "connecting");
    auto fd = ::open(file.c_str(), O_RDONLY);
    must(client->put(dfs::read_from(fd, file.string()), "/log", {}), "put");
    ::close(fd);
  }
  auto dfs = fmt::format("'{}' -q -c '{}'", (fs::path{DFS_BIN_FOLDER} / "dfs").string(),
                         cluster.folder().string());
  figures all;
  std::string checksum;
  auto rate = [&](double seconds) { return static_cast<double>(bytes) / 1e6 / seconds; };
  auto grep = fmt::format("grep -aE '{}'", how.pattern);
  auto local = rate(measure(fmt::format("{} '{}'", grep, file.string()), how.rounds, checksum));
  all.add(fmt::format("grep -aE, {} MiB, a local file", how.mib), local, "MB/s");
  auto piped = rate(measure(fmt::format("{} cat /log | {}", dfs, grep), how.rounds, checksum));
  all.add("dfs cat | grep -aE", piped, "MB/s", piped / local, "grep");
  auto before = cluster.processor_seconds();
  auto job =
      rate(measure(fmt::format("{} job grep '{}' /log", dfs, how.pattern), how.rounds, checksum));
  all.add(fmt::format("dfs job grep, {} storage nodes", how.storages), job, "MB/s", job / local,
          "grep");
  all.add("dfs job grep, beside dfs cat | grep", job, "MB/s", job / piped, "dfs cat | grep");
  all.add("processor time of the nodes for a job",
          (cluster.processor_seconds() - before) / how.rounds * 1e3, "ms");
  if (!how.json.empty())
    std::ofstream{how.json} << all.json() << '\n';
}

} // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Measures jobs that go to the data, and the machine's grep beside them"};
  app.add_option("--mib", how.mib, "Size of the file")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--storages", how.storages, "Storage nodes")
      ->check(CLI::Range(3, 16))
      ->capture_default_str();
  app.add_option("--pattern", how.pattern, "Extended regular expression, without a quote")
      ->capture_default_str();
  app.add_option("--rounds", how.rounds, "Rounds of each; the best one counts")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--json", how.json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  try {
    run(how);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_job: {}\n", problem.what());
    return 1;
  }
  return 0;
}
