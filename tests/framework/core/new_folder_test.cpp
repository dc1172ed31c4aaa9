#include "temporary_folder.hpp"

#include <atoll/core/new_folder.hpp>

#include <doctest/doctest.h>

#include <fstream>

using namespace atl;
namespace fs = std::filesystem;

namespace {

status fill(const fs::path& beside) {
  std::ofstream{beside / "file"} << "content";
  return {};
}

} // namespace

TEST_CASE("a new folder appears with all of its content, or not at all") {
  temporary_folder here;
  auto folder = here / "folder";
  auto failed = make_folder(folder, [](const fs::path& beside) -> status {
    std::ofstream{beside / "file"} << "half";
    return fail(errc::io, "the disk is broken");
  });
  REQUIRE_FALSE(failed.has_value());
  CHECK(is_nothing(folder).value());
  REQUIRE(make_folder(folder, fill).has_value());
  CHECK_FALSE(is_nothing(folder).value());
  CHECK(fs::file_size(folder / "file") == 7);
  CHECK_FALSE(fs::exists(here / "folder.new"));
}

TEST_CASE("leftovers of a crash beside a folder are not part of the folder") {
  temporary_folder here;
  fs::create_directories(here / "folder.new" / "old");
  REQUIRE(make_folder(here / "folder", fill).has_value());
  CHECK_FALSE(fs::exists(here / "folder" / "old"));
}

TEST_CASE("an empty folder counts as missing, a folder with any entry as present") {
  temporary_folder here;
  auto folder = here / "folder";
  fs::create_directory(folder);
  CHECK(is_nothing(folder).value());
  REQUIRE(make_folder(folder, fill).has_value());
  CHECK_FALSE(is_nothing(folder).value());
  CHECK_FALSE(make_folder(folder, fill).has_value()); // nothing is replaced
  CHECK_FALSE(is_nothing(folder / "file").value());
}
