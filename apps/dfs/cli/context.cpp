#include "cli/context.hpp"

#include "cli/output.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <ctime>
#include <filesystem>

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

namespace {

std::shared_ptr<const leader_memory> memory_of(const cluster_settings& cluster) {
  return std::make_shared<leader_memory>(leader_memory::default_folder(), cluster);
}

} // namespace

int report_error(const atl::error& problem) {
  if (!has_output_failed()) // that failure is reported at the end, and may be the cause
    print_error("dfs: {}\n", atl::printable_lines(problem.message));
  return exit_code_of(problem.code);
}

atl::result<cluster_settings> context::settings() const {
  namespace fs = std::filesystem;
  auto file = fs::path{cluster_file.empty() ? "cluster.toml" : cluster_file};
  std::error_code problem; // the reader reports a file that can't be examined
  if (fs::is_directory(file, problem))
    file /= "cluster.toml";
  if (cluster_file.empty() && !fs::exists(file, problem))
    return atl::fail(atl::errc::invalid,
                     "which cluster? name its file with --cluster FILE or in the environment as "
                     "DFS_CLUSTER, or be in the folder of its cluster.toml");
  auto config = atl::config::load(file, cluster_schema());
  if (!config)
    return tl::unexpected{config.error()};
  return read_cluster(*config);
}

atl::result<atl::node::service_address> context::masters_address() const {
  auto read = settings();
  if (!read)
    return tl::unexpected{read.error()};
  return atl::node::service_address{*read, read->masters, master_role_name, nodes_down_advice};
}

atl::result<std::unique_ptr<control>> context::masters() {
  auto read = settings();
  if (!read)
    return tl::unexpected{read.error()};
  loaded = std::make_unique<cluster_settings>(std::move(*read));
  return std::make_unique<control>(*loaded, read_level(), memory_of(*loaded));
}

atl::result<std::unique_ptr<file_client>> context::files() {
  auto read = settings();
  if (!read)
    return tl::unexpected{read.error()};
  loaded = std::make_unique<cluster_settings>(std::move(*read));
  return file_client::connect(*loaded, read_level(), memory_of(*loaded));
}

void context::note_staleness(const control& masters) const {
  if (auto applied = masters.oldest_applied(); applied && !quiet)
    print_error("dfs: this may be old: a master answered from what it had applied, at least up to "
                "log index {}\n",
                *applied);
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

std::string human_time(std::int64_t since_1970_us) {
  constexpr std::int64_t second_us = 1'000'000;
  auto seconds = since_1970_us / second_us - (since_1970_us % second_us < 0 ? 1 : 0);
  auto time = static_cast<std::time_t>(seconds);
  std::tm local{};
  if (::localtime_r(&time, &local) == nullptr)
    return fmt::format("{} s after 1970", seconds);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", local);
}

} // namespace dfs::cli
