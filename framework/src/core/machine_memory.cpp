#include <atoll/core/machine_memory.hpp>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <unistd.h>

namespace atl {

namespace fs = std::filesystem;

namespace {

constexpr auto no_limit = std::numeric_limits<std::uint64_t>::max();

std::string content_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// The path of the process's group, relative to the hierarchy. The line of version 2 has the number
/// 0 and no controllers: `0::/user.slice`.
fs::path group_in(std::string_view membership) {
  constexpr std::string_view mark = "0::/";
  while (!membership.empty()) {
    auto line = membership.substr(0, membership.find('\n'));
    if (line.starts_with(mark))
      return fs::path{line.substr(mark.size())};
    membership.remove_prefix(std::min(line.size() + 1, membership.size()));
  }
  return {};
}

/// A group without a limit says `max`; the root of the hierarchy has no such file.
std::uint64_t limit_of(const fs::path& group) {
  auto text = content_of(group / "memory.max");
  std::uint64_t bytes = 0;
  auto [_, problem] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  return problem == std::errc{} ? bytes : no_limit;
}

} // namespace

std::uint64_t control_group_memory(const fs::path& hierarchy, std::string_view membership) {
  auto limit = limit_of(hierarchy);
  auto group = hierarchy;
  for (auto& name : group_in(membership)) {
    group /= name;
    limit = std::min(limit, limit_of(group));
  }
  return limit;
}

std::uint64_t machine_memory() {
  auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                 static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return std::min(machine, control_group_memory("/sys/fs/cgroup", content_of("/proc/self/cgroup")));
}

} // namespace atl
