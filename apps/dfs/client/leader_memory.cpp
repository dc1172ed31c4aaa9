#include "client/leader_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <stdlib.h>
#include <unistd.h>

namespace dfs {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t line_bytes_max = 512;
constexpr std::size_t files_max = 64; ///< in the folder; a further one replaces the oldest

fs::path absolute_from(const char* variable) {
  auto* value = std::getenv(variable);
  fs::path path{value == nullptr ? "" : value};
  return path.is_absolute() ? path : fs::path{};
}

/// The first line of a file; empty if the line is too long or has no end.
std::string first_line(const fs::path& file) {
  std::array<char, line_bytes_max> buffer{};
  std::ifstream in{file, std::ios::binary};
  in.read(buffer.data(), buffer.size());
  std::string_view text{buffer.data(), static_cast<std::size_t>(in.gcount())};
  auto end = text.find('\n');
  return end == text.npos ? std::string{} : std::string{text.substr(0, end)};
}

/// Keeps the folder small, whatever became of the clusters whose leaders are in it.
void remove_oldest_if_full(const fs::path& folder) {
  std::error_code ignored;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (auto& entry : fs::directory_iterator{folder, ignored})
    files.emplace_back(entry.last_write_time(ignored), entry.path());
  if (files.size() >= files_max)
    fs::remove(std::min_element(files.begin(), files.end())->second, ignored);
}

/// Renamed once it is whole, so that no reader sees a part of it.
void replace(const fs::path& file, const std::string& text) {
  auto beside = file.string() + ".XXXXXX";
  auto fd = ::mkstemp(beside.data());
  if (fd < 0)
    return;
  auto is_written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (::close(fd) != 0 || !is_written || ::rename(beside.c_str(), file.c_str()) != 0)
    ::unlink(beside.c_str());
}

} // namespace

leader_memory::leader_memory(const fs::path& folder, const cluster_settings& cluster) {
  auto identity = cluster.name;
  for (auto& master : cluster.masters) {
    addresses_.push_back(to_string(master.address));
    identity += '\n' + addresses_.back();
  }
  if (!folder.empty())
    file_ = folder / fmt::format("{:016x}", std::hash<std::string>{}(identity));
}

fs::path leader_memory::default_folder() {
  auto cache = absolute_from("XDG_CACHE_HOME");
  if (cache.empty())
    if (auto home = absolute_from("HOME"); !home.empty())
      cache = home / ".cache";
  return cache.empty() ? cache : cache / "atoll" / "leaders";
}

std::string leader_memory::recall() const {
  auto line = first_line(file_);
  return std::ranges::find(addresses_, line) == addresses_.end() ? std::string{} : line;
}

void leader_memory::remember(const std::string& address) const {
  auto is_known = std::ranges::find(addresses_, address) != addresses_.end();
  if (file_.empty() || !is_known || recall() == address)
    return;
  std::error_code ignored;
  fs::create_directories(file_.parent_path(), ignored);
  if (!fs::exists(file_, ignored))
    remove_oldest_if_full(file_.parent_path());
  replace(file_, address + '\n');
}

} // namespace dfs
