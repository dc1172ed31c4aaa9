#include "cli/context.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <unistd.h>

namespace dfs::cli {

exit_code exit_code_of(atl::errc code) {
  switch (code) {
  case atl::errc::invalid:
    return usage;
  case atl::errc::not_found:
    return not_found;
  case atl::errc::exists:
    return exists;
  case atl::errc::unavailable:
  case atl::errc::timeout:
  case atl::errc::busy:
    return unavailable;
  case atl::errc::corrupt:
    return corrupt;
  case atl::errc::no_space:
    return no_space;
  case atl::errc::refused:
  case atl::errc::io:
  case atl::errc::internal:
    break;
  }
  return failed;
}

int complain(const atl::error& problem) {
  fmt::print(stderr, "dfs: {}\n", problem.message);
  return exit_code_of(problem.code);
}

atl::result<cluster_settings> context::settings() const {
  namespace fs = std::filesystem;
  auto file = fs::path{cluster_file.empty() ? "cluster.toml" : cluster_file};
  if (fs::is_directory(file))
    file /= "cluster.toml";
  if (cluster_file.empty() && !fs::exists(file))
    return atl::fail(atl::errc::invalid,
                     "which cluster? name its file with --cluster FILE or in the environment as "
                     "DFS_CLUSTER, or be in the folder of its cluster.toml");
  auto config = atl::config::load(file, cluster_schema());
  if (!config)
    return tl::unexpected{config.error()};
  return read_cluster(*config);
}

atl::result<std::unique_ptr<control>> context::masters() {
  auto read = settings();
  if (!read)
    return tl::unexpected{read.error()};
  loaded = std::make_unique<cluster_settings>(std::move(*read));
  return std::make_unique<control>(*loaded);
}

atl::result<std::unique_ptr<file_client>> context::files() {
  auto read = settings();
  if (!read)
    return tl::unexpected{read.error()};
  loaded = std::make_unique<cluster_settings>(std::move(*read));
  return file_client::connect(*loaded);
}

std::string shell_word(const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\n'\"\\$&;()<>|*?[]{}#~`!") == word.npos)
    return word;
  std::string text = "'";
  for (auto character : word)
    text += character == '\'' ? "'\\''" : std::string{character};
  return text + "'";
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string human_time(std::uint64_t since_1970_us) {
  auto seconds = static_cast<std::time_t>(since_1970_us / 1'000'000);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(seconds));
}

progress_report make_progress(const context& with, std::string what) {
  if (with.quiet || with.json || !::isatty(STDERR_FILENO))
    return {};
  using clock = std::chrono::steady_clock;
  auto began = clock::now();
  return [what = std::move(what), began, shown = began](std::uint64_t bytes,
                                                        std::uint64_t total) mutable {
    auto now = clock::now();
    auto finished = total != 0 && bytes >= total;
    if (!finished && now - shown < std::chrono::milliseconds{100})
      return;
    shown = now;
    auto seconds = std::chrono::duration<double>(now - began).count();
    auto rate = seconds > 0 ? static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds) : 0;
    std::string bar;
    if (total != 0) {
      constexpr std::uint64_t width = 30;
      auto filled = std::min(width, bytes * width / total);
      bar = fmt::format("[{}{}] {:3}% ", std::string(filled, '#'), std::string(width - filled, '.'),
                        bytes * 100 / total);
    }
    fmt::print(stderr, "\r\x1b[K{} {}{} {}/s{}", what, bar, human_bytes(bytes), human_bytes(rate),
               finished ? "\n" : "");
  };
}

} // namespace dfs::cli
