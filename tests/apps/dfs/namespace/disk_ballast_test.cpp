#include "namespace/disk_ballast.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>

using dfs::disk_ballast;
namespace fs = std::filesystem;

TEST_CASE("a ballast is half of the reserve, and is there once the disk has room beside it") {
  temporary_folder folder;
  auto file = folder / "ballast";
  disk_ballast subject{file, 2 << 20};
  subject.restore();
  CHECK(fs::file_size(file) == subject.bytes());
  CHECK(subject.bytes() == 1 << 20);
  CHECK_FALSE(subject.release_if_short()); // the disk isn't full
  CHECK(fs::exists(file));
}

TEST_CASE("no ballast is made where the disk hasn't its reserve, or none is kept") {
  temporary_folder folder;
  auto file = folder / "ballast";
  disk_ballast{file, std::uint64_t{1} << 60}.restore();
  CHECK_FALSE(fs::exists(file));
  disk_ballast{file, 0}.restore();
  CHECK_FALSE(fs::exists(file));
  disk_ballast{{}, 2 << 20}.restore();
  CHECK(fs::is_empty(folder.path()));
}
