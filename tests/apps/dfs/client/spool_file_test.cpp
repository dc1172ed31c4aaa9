#include "client/spool_file.hpp"
#include "contains.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

/// How bytes are kept that their source gives only once.
using dfs::spool_file;

namespace {

spool_file create_in(const temporary_folder& folder) {
  auto made = spool_file::create(folder.path().string());
  REQUIRE_MESSAGE(made, made.error().message);
  return std::move(*made);
}

/// No file of this process may become larger.
class file_size_limit {
 public:
  explicit file_size_limit(rlim_t bytes) : former_handler_{::signal(SIGXFSZ, SIG_IGN)} {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &former_) == 0);
    rlimit lower{bytes, former_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &lower) == 0);
  }
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &former_);
    ::signal(SIGXFSZ, former_handler_);
  }

 private:
  rlimit former_{};
  sighandler_t former_handler_;
};

} // namespace

TEST_CASE("what is kept can be read again from any offset, by several threads, as long as anyone "
          "reads") {
  temporary_folder folder;
  std::optional kept{create_in(folder)};
  std::string all;
  for (auto* part : {"one ", "", "two ", "three"}) {
    REQUIRE(kept->append(part));
    all += part;
  }
  CHECK(kept->size() == all.size());
  auto read = kept->reader();
  kept.reset();
  std::vector<std::string> found(4, std::string(20, '?'));
  std::vector<std::thread> readers;
  for (std::size_t offset = 0; offset < found.size(); ++offset)
    readers.emplace_back([&, offset] {
      auto got = read(offset, found[offset]);
      found[offset].resize(got.value_or(0));
    });
  for (auto& each : readers)
    each.join();
  for (std::size_t offset = 0; offset < found.size(); ++offset)
    CHECK(found[offset] == all.substr(offset));
}

TEST_CASE("a file that keeps bytes has no name, so that nothing is left of it") {
  temporary_folder folder;
  auto kept = create_in(folder);
  REQUIRE(kept.append("bytes"));
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE(
    "when nothing can be kept the error names the folder, and the way to choose another one") {
  temporary_folder folder;
  auto missing = (folder.path() / "missing").string();
  auto made = spool_file::create(missing);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == atl::errc::io);
  CHECK(contains(made.error().message, missing));
  CHECK(contains(made.error().message, "TMPDIR"));
  auto kept = create_in(folder);
  file_size_limit limit{1000};
  REQUIRE(kept.append(std::string(1000, 'x')));
  auto added = kept.append("y");
  REQUIRE_FALSE(added);
  CHECK(added.error().code == atl::errc::io);
  CHECK(contains(added.error().message, folder.path().string()));
  CHECK(contains(added.error().message, "TMPDIR"));
}

TEST_CASE("chunks are kept in TMPDIR, and in /var/tmp without it") {
  auto* former = std::getenv("TMPDIR");
  std::optional<std::string> kept;
  if (former != nullptr)
    kept = former;
  ::setenv("TMPDIR", "/somewhere", 1);
  CHECK(dfs::spool_folder() == "/somewhere");
  ::setenv("TMPDIR", "", 1);
  CHECK(dfs::spool_folder() == "/var/tmp");
  ::unsetenv("TMPDIR");
  CHECK(dfs::spool_folder() == "/var/tmp");
  if (kept)
    ::setenv("TMPDIR", kept->c_str(), 1);
}
