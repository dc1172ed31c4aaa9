#include "temporary_folder.hpp"

#include <atoll/core/state/disk_ballast.hpp>

#include <doctest/doctest.h>

using atl::disk_ballast;
namespace fs = std::filesystem;

TEST_CASE("a ballast of half the reserve is made once the disk has room for it") {
  temporary_folder folder;
  auto file = folder / "ballast";
  disk_ballast subject{file, 2 << 20};
  subject.restore();
  CHECK(fs::file_size(file) == subject.bytes());
  CHECK(subject.bytes() == 1 << 20);
  CHECK_FALSE(subject.release_if_short()); // the disk is not full
  CHECK(fs::exists(file));
}

TEST_CASE("no ballast is made when the disk is below its reserve, or when no reserve is "
          "configured") {
  temporary_folder folder;
  auto file = folder / "ballast";
  disk_ballast{file, std::uint64_t{1} << 60}.restore();
  CHECK_FALSE(fs::exists(file));
  disk_ballast{file, 0}.restore();
  CHECK_FALSE(fs::exists(file));
  disk_ballast{{}, 2 << 20}.restore();
  CHECK(fs::is_empty(folder.path()));
}
