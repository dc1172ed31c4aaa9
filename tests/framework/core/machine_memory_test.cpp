#include "temporary_folder.hpp"

#include <atoll/core/machine_memory.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <limits>
#include <string>

namespace {

constexpr auto no_limit = std::numeric_limits<std::uint64_t>::max();

/// A hierarchy of control groups in a folder.
struct hierarchy {
  void limit(const std::string& group, const std::string& text) {
    std::filesystem::create_directories(folder / group);
    std::ofstream{folder / group / "memory.max"} << text;
  }
  std::uint64_t of(const std::string& membership) const {
    return atl::control_group_memory(folder.path(), membership);
  }

  temporary_folder folder;
};

} // namespace

TEST_CASE("the memory of a process is the lowest limit of its group and of the groups around it") {
  hierarchy groups;
  groups.limit("system.slice", "4294967296\n");
  groups.limit("system.slice/dfs.service", "1073741824\n");
  groups.limit("other.slice", "1024\n");
  CHECK(groups.of("0::/system.slice/dfs.service\n") == 1u << 30);
  CHECK(groups.of("0::/system.slice\n") == std::uint64_t{1} << 32);
  groups.limit("system.slice", "65536\n");
  CHECK(groups.of("0::/system.slice/dfs.service\n") == 65536);
  groups.limit("", "4096\n"); // as a container sees its own group
  CHECK(groups.of("0::/\n") == 4096);
}

TEST_CASE("where no control group of version 2 limits the memory there is no limit") {
  hierarchy groups;
  groups.limit("a", "max\n");
  CHECK(groups.of("0::/a\n") == no_limit);
  CHECK(groups.of("0::/a/deeper\n") == no_limit);
  CHECK(groups.of("") == no_limit);
  CHECK(groups.of("4:memory:/a\n1:cpu:/") == no_limit);
  groups.limit("a", "no number\n");
  CHECK(groups.of("4:memory:/b\n0::/a\n") == no_limit);
  groups.limit("a", "5000\n");
  CHECK(groups.of("4:memory:/b\n0::/a\n") == 5000);
}

TEST_CASE("this machine has some memory") {
  CHECK(atl::machine_memory() >= 16u << 20);
  CHECK(atl::machine_memory() < no_limit);
}
