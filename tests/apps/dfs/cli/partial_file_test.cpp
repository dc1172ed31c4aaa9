#include "cli/local_file.hpp"
#include "cli/partial_file.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <unistd.h>

using dfs::cli::content_identity;
using dfs::cli::local_file;
using dfs::cli::partial_file;

namespace {

namespace fs = std::filesystem;

content_identity ten_bytes() {
  content_identity it;
  it.cluster = "reef";
  it.inode = 7;
  it.btime_ns = 100;
  it.data_version = 5;
  it.size_bytes = 10;
  return it;
}

std::string content(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream{file}.rdbuf();
  return out.str();
}

/// Opens the partial file, appends the text, and leaves it. @returns what was there before, in
/// bytes.
std::uint64_t append(const fs::path& file, const content_identity& of, std::string_view text) {
  auto opened = partial_file::open(file.string(), of);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  REQUIRE(::write(opened->descriptor(), text.data(), text.size()) ==
          static_cast<ssize_t>(text.size()));
  return opened->bytes_there();
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator{folder}, fs::directory_iterator{}));
}

fs::path partial_in(const fs::path& folder) {
  for (auto& entry : fs::directory_iterator{folder})
    if (entry.path().filename().string().starts_with(".dfs-part-"))
      return entry.path();
  return {};
}

} // namespace

TEST_CASE("a partial file goes on where it was left, and is published whole") {
  temporary_folder folder;
  auto mask = ::umask(0);
  ::umask(mask);
  CHECK(append(folder / "f", ten_bytes(), "0123") == 0);
  CHECK(append(folder / "f", ten_bytes(), "45") == 4);
  CHECK_FALSE(fs::exists(folder / "f"));
  auto made = local_file::resume((folder / "f").string(), ten_bytes());
  REQUIRE(made.has_value());
  CHECK(made->bytes_there() == 6);
  CHECK_FALSE(made->has_begun_again());
  REQUIRE(made->sink()("6789").has_value());
  REQUIRE(made->keep().has_value());
  CHECK(content(folder / "f") == "0123456789");
  CHECK(entries(folder.path()) == 1);
  struct stat found {};
  REQUIRE(::stat((folder / "f").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777u) == (0666u & ~mask));
}

TEST_CASE("a partial file of another content is emptied") {
  std::vector<content_identity> others(5, ten_bytes());
  others[0].cluster = "other";
  others[1].inode = 8;
  others[2].btime_ns = 101;
  others[3].data_version = 6;
  others[4].size_bytes = 11;
  for (auto& other : others) {
    temporary_folder folder;
    append(folder / "f", ten_bytes(), "0123");
    auto opened = partial_file::open((folder / "f").string(), other);
    REQUIRE(opened.has_value());
    CHECK(opened->bytes_there() == 0);
    CHECK(opened->has_begun_again());
    CHECK(fs::file_size(partial_in(folder.path())) == 0);
  }
}

TEST_CASE("a partial file that is too long, or has no note of its own, is emptied") {
  temporary_folder folder;
  append(folder / "f", ten_bytes(), "0123456789 and more");
  CHECK(append(folder / "f", ten_bytes(), "0123") == 0);
  for (auto& entry : fs::directory_iterator{folder.path()})
    if (entry.path().filename().string().starts_with(".dfs-note-"))
      fs::remove(entry.path());
  CHECK(append(folder / "f", ten_bytes(), "0123") == 0);
  CHECK(append(folder / "f", ten_bytes(), {}) == 4);
}

TEST_CASE("each target has a partial file of its own, also under a name of the greatest length") {
  temporary_folder folder;
  auto name = std::string(255, 'n');
  append(folder / name, ten_bytes(), "0123");
  append(folder / "f", ten_bytes(), "01");
  CHECK(append(folder / name, ten_bytes(), {}) == 4);
  CHECK(append(folder / "f", ten_bytes(), {}) == 2);
}

TEST_CASE("a partial file that another program writes is left alone") {
  temporary_folder folder;
  auto first = partial_file::open((folder / "f").string(), ten_bytes());
  REQUIRE(first.has_value());
  auto second = partial_file::open((folder / "f").string(), ten_bytes());
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == atl::errc::busy);
  REQUIRE(first->publish().has_value());
  CHECK(partial_file::open((folder / "f").string(), ten_bytes()).has_value());
}

TEST_CASE("a file that others may have written in place of the partial file is refused") {
  temporary_folder folder;
  append(folder / "f", ten_bytes(), "0123");
  auto part = partial_in(folder.path());
  fs::create_hard_link(part, folder / "second");
  auto linked = partial_file::open((folder / "f").string(), ten_bytes());
  REQUIRE_FALSE(linked.has_value());
  CHECK(linked.error().code == atl::errc::refused);
  fs::remove(part);
  fs::create_symlink("second", part);
  CHECK_FALSE(partial_file::open((folder / "f").string(), ten_bytes()).has_value());
  CHECK(content(folder / "second") == "0123");
}
