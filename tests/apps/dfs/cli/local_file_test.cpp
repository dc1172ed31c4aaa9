#include "cli/file_attributes.hpp"
#include "cli/local_file.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <fstream>
#include <functional>
#include <signal.h>
#include <sstream>
#include <unistd.h>
#include <vector>

using dfs::cli::local_file;
using dfs::cli::temporary_file;

namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream{file}.rdbuf();
  return out.str();
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream{file} << text;
}

unsigned mode_of(const fs::path& file) {
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  return found.st_mode & 07777u;
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator{folder}, fs::directory_iterator{}));
}

atl::status store(const fs::path& file, const std::string& text) {
  auto made = local_file::create(file.string());
  if (!made)
    return tl::unexpected{made.error()};
  if (auto written = made->sink()(text); !written)
    return written;
  return made->keep();
}

using maker = atl::result<temporary_file> (*)(const std::string&, mode_t);

/// Runs a child that ends itself in the middle. @returns its status as `waitpid` tells it.
int status_of_child(const std::function<void()>& work) {
  auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

} // namespace

TEST_CASE("a fresh local file appears whole, with the permissions of the umask") {
  temporary_folder folder;
  auto before = ::umask(027);
  {
    auto made = local_file::create((folder / "f").string());
    REQUIRE(made.has_value());
    REQUIRE(made->sink()("half").has_value());
    CHECK_FALSE(fs::exists(folder / "f"));
    REQUIRE(made->keep().has_value());
  }
  ::umask(before);
  CHECK(content(folder / "f") == "half");
  CHECK(mode_of(folder / "f") == 0640);
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a local file that is not kept leaves no trace, and the old file unchanged") {
  temporary_folder folder;
  write(folder / "f", "old");
  {
    auto made = local_file::create((folder / "f").string());
    REQUIRE(made.has_value());
    REQUIRE(made->sink()("new").has_value());
  }
  CHECK(content(folder / "f") == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a local file that is replaced keeps its permissions and owner") {
  temporary_folder folder;
  for (unsigned mode : {0600u, 0640u, 0666u, 0755u}) {
    CAPTURE(mode);
    write(folder / "f", "old");
    REQUIRE(::chmod((folder / "f").c_str(), mode) == 0);
    if (::geteuid() == 0)
      REQUIRE(::chown((folder / "f").c_str(), 65534, 65534) == 0);
    REQUIRE(store(folder / "f", "new").has_value());
    CHECK(content(folder / "f") == "new");
    CHECK(mode_of(folder / "f") == mode);
    struct stat found {};
    REQUIRE(::stat((folder / "f").c_str(), &found) == 0);
    CHECK(found.st_uid == (::geteuid() == 0 ? 65534 : ::geteuid()));
    CHECK(entries(folder.path()) == 1);
    fs::remove(folder / "f");
  }
}

TEST_CASE("a file that may not be written isn't replaced") {
  temporary_folder folder;
  write(folder / "f", "old");
  REQUIRE(::chmod((folder / "f").c_str(), 0444) == 0);
  REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
  auto is_root = ::geteuid() == 0;
  if (is_root)
    REQUIRE(::seteuid(65534) == 0); // root writes every file
  auto stored = store(folder / "f", "new");
  if (is_root)
    REQUIRE(::seteuid(0) == 0);
  REQUIRE_FALSE(stored.has_value());
  CHECK(stored.error().message.find((folder / "f").string()) != std::string::npos);
  CHECK(content(folder / "f") == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a symbolic link stays, and the file that it leads to is replaced") {
  temporary_folder folder;
  fs::create_directories(folder / "other");
  write(folder / "other/real", "old");
  fs::create_symlink("other/real", folder / "first");
  fs::create_symlink("first", folder / "link");
  REQUIRE(store(folder / "link", "new").has_value());
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(fs::is_symlink(folder / "first"));
  CHECK_FALSE(fs::is_symlink(folder / "other/real"));
  CHECK(content(folder / "other/real") == "new");
  CHECK(entries(folder / "other") == 1);
}

TEST_CASE("an invalid path of a local file is refused with its name, without an exception") {
  temporary_folder folder;
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink("nothing", folder / "dangling");
  fs::create_directories(folder / "folder");
  for (auto& path : {folder / "loop", folder / "dangling", folder / "folder",
                     folder / "missing/file", folder / std::string(300, 'x'),
                     fs::path{folder / std::string(250, 'x')} / std::string(5000, 'y')}) {
    CAPTURE(path);
    auto made = local_file::create(path.string());
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().message.find(folder.path().string()) != std::string::npos);
  }
  CHECK(entries(folder.path()) == 3);
}

TEST_CASE("a local file may have a name of the greatest length, also when it is replaced") {
  temporary_folder folder;
  auto name = std::string(255, 'n');
  REQUIRE(store(folder / name, "first").has_value());
  REQUIRE(store(folder / name, "second").has_value());
  CHECK(content(folder / name) == "second");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a device is written in place") {
  CHECK(store("/dev/null", "text").has_value());
  CHECK(fs::is_character_file("/dev/null"));
  auto full = store("/dev/full", "text");
  REQUIRE_FALSE(full.has_value());
  CHECK(full.error().code == atl::errc::no_space);
}

TEST_CASE("a temporary file is renamed to its final name, with and without a temporary name") {
  for (maker make : {&temporary_file::beside, &temporary_file::named_beside}) {
    temporary_folder folder;
    for (auto* text : {"first", "second"}) {
      auto made = make((folder / "f").string(), 0600);
      REQUIRE(made.has_value());
      REQUIRE(::write(made->descriptor(), text, 5) == 5);
      REQUIRE(made->publish().has_value());
    }
    CHECK(content(folder / "f") == "secon");
    CHECK(entries(folder.path()) == 1);
  }
}

TEST_CASE("a temporary file is removed when a signal ends the program, which dies of that signal") {
  for (maker make : {&temporary_file::beside, &temporary_file::named_beside})
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
      CAPTURE(signal);
      temporary_folder folder;
      auto status = status_of_child([&] {
        ::signal(signal, SIG_DFL);
        auto made = make((folder / "f").string(), 0600);
        if (made)
          ::raise(signal);
      });
      CHECK(WIFSIGNALED(status));
      CHECK(WTERMSIG(status) == signal);
      CHECK(entries(folder.path()) == 0);
    }
}

TEST_CASE("a signal removes all temporary files of a program") {
  temporary_folder folder;
  auto status = status_of_child([&] {
    ::signal(SIGTERM, SIG_DFL);
    std::vector<temporary_file> all;
    for (int i = 0; i < 60; ++i) {
      auto made = temporary_file::named_beside((folder / std::to_string(i)).string(), 0600);
      if (!made || (i % 3 == 0 && !made->publish()))
        ::_exit(1);
      if (i % 3 != 0)
        all.push_back(std::move(*made));
    }
    ::raise(SIGTERM);
  });
  CHECK(WIFSIGNALED(status));
  CHECK(entries(folder.path()) == 20); // those that were published
}

TEST_CASE("a signal that the program ignores stays ignored while a temporary file is written") {
  temporary_folder folder;
  auto status = status_of_child([&] {
    ::signal(SIGHUP, SIG_IGN);
    auto made = temporary_file::named_beside((folder / "f").string(), 0600);
    ::raise(SIGHUP);
    if (!made || !made->publish())
      ::_exit(1);
  });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(fs::exists(folder / "f"));
}

TEST_CASE("the time of a local file is read to the nanosecond, also before 1970") {
  temporary_folder folder;
  write(folder / "f", "text");
  struct sample {
    timespec time;
    std::int64_t ns;
  };
  for (auto& [time, ns] :
       {sample{{0, 0}, 0}, sample{{1, 5001}, 1'000'005'001}, sample{{-1, 999'999'999}, -1},
        sample{{-315'619'200, 0}, -315'619'200'000'000'000}}) {
    timespec times[] = {time, time};
    REQUIRE(::utimensat(AT_FDCWD, (folder / "f").c_str(), times, 0) == 0);
    auto source = dfs::cli::open_source((folder / "f").string());
    REQUIRE(source.has_value());
    REQUIRE(source->found.has_value());
    CHECK(dfs::cli::inode_of(*source->found, false).mtime_ns == ns);
    CHECK(source->size == 4);
  }
}
