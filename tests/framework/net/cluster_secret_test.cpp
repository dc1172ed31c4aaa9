#include "contains.hpp"
#include "temporary_folder.hpp"

#include <atoll/net/cluster_secret.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>
#include <unistd.h>
#include <vector>

using atl::errc;
using atl::net::cluster_secret;
using atl::net::equal;

namespace {

const std::string digits(64, 'a');

std::string content(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

mode_t mode_of(const std::filesystem::path& file) {
  struct stat info = {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

std::filesystem::path write_private(const temporary_folder& folder, std::string_view text) {
  auto file = folder.write("secret", text);
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  return file;
}

std::size_t files_in(const temporary_folder& folder) {
  std::filesystem::directory_iterator files{folder.path()};
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

std::string hex(const atl::net::proof& bytes) {
  std::string out;
  for (auto byte : bytes)
    out += fmt::format("{:02x}", byte);
  return out;
}

} // namespace

TEST_CASE("a created secret can be loaded, and its file is its owner's alone") {
  temporary_folder folder;
  auto mask = ::umask(0277); // forbids even the owner to read new files
  auto created = cluster_secret::create(folder / "secret");
  ::umask(mask);
  REQUIRE(created);
  CHECK_FALSE(created->empty());
  CHECK(mode_of(folder / "secret") == 0600);
  auto text = content(folder / "secret");
  CHECK(text.size() == 65);
  CHECK(text.find_first_not_of("0123456789abcdef\n") == std::string::npos);
  CHECK(files_in(folder) == 1);
  auto loaded = cluster_secret::load(folder / "secret");
  REQUIRE(loaded);
  CHECK(loaded->prove("label", "text") == created->prove("label", "text"));
}

TEST_CASE("two created secrets differ") {
  temporary_folder folder;
  auto one = cluster_secret::create(folder / "one").value();
  auto other = cluster_secret::create(folder / "other").value();
  CHECK(one.prove("label", "text") != other.prove("label", "text"));
}

TEST_CASE("a secret is never created over an existing file or link") {
  temporary_folder folder;
  auto file = folder.write("secret", "keep this");
  auto again = cluster_secret::create(file);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::exists);
  CHECK(contains(again.error().message, file.string()));
  CHECK(content(file) == "keep this");
  std::filesystem::create_symlink(folder / "nowhere", folder / "link");
  auto through_link = cluster_secret::create(folder / "link");
  REQUIRE_FALSE(through_link);
  CHECK(through_link.error().code == errc::exists);
  CHECK(files_in(folder) == 2); // no temporary file either
}

TEST_CASE(
    "of several processes that create the same secret one succeeds, and no reader sees a part") {
  temporary_folder folder;
  for (int round = 0; round < 20; ++round) {
    auto file = folder / ("secret-" + std::to_string(round));
    std::atomic<int> created = 0;
    std::atomic<int> misread = 0;
    auto contend = [&] {
      created += cluster_secret::create(file) ? 1 : 0;
      auto loaded = cluster_secret::load(file);
      misread += loaded ? 0 : 1;
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back(contend);
    for (auto& each : threads)
      each.join();
    CHECK(created == 1);
    CHECK(misread == 0);
  }
}

TEST_CASE("a secret that can't be created leaves an error and no file") {
  temporary_folder folder;
  auto made = cluster_secret::create(folder / "missing/secret");
  REQUIRE_FALSE(made);
  CHECK(made.error().code == errc::not_found);
  CHECK(contains(made.error().message, "missing/secret"));
  CHECK(files_in(folder) == 0);
}

TEST_CASE("a missing secret is told apart from an unusable one") {
  temporary_folder folder;
  auto missing = cluster_secret::load(folder / "secret");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == errc::not_found);
  CHECK(contains(missing.error().message, "secret"));
}

TEST_CASE("a secret that others may use is refused with the command that helps") {
  temporary_folder folder;
  auto file = write_private(folder, digits);
  for (mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601}) {
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    auto loaded = cluster_secret::load(file);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == errc::refused);
    CHECK(contains(loaded.error().message, fmt::format("{:04o}", mode)));
    CHECK(contains(loaded.error().message, "chmod 600"));
  }
  REQUIRE(::chmod(file.c_str(), 0400) == 0);
  CHECK(cluster_secret::load(file));
}

TEST_CASE("a file of other content than 64 digits is no secret, and its content isn't shown") {
  temporary_folder folder;
  for (auto& text :
       {std::string{}, std::string{"\n"}, digits.substr(1), digits + 'a', 'g' + digits.substr(1),
        digits + "\n" + digits, ' ' + digits, std::string(64, '\0'), std::string(100'000, 'a')}) {
    auto loaded = cluster_secret::load(write_private(folder, text));
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == errc::invalid);
    CHECK(contains(loaded.error().message, "64 hexadecimal digits"));
    CHECK_FALSE(contains(loaded.error().message, "aaaa"));
  }
}

TEST_CASE("a line end and capital digits don't change a secret") {
  temporary_folder folder;
  auto proof = cluster_secret::load(write_private(folder, digits)).value().prove("label", "text");
  for (auto& text : {digits + "\n", digits + "\r\n", digits + " \n", std::string(64, 'A')}) {
    auto loaded = cluster_secret::load(write_private(folder, text));
    REQUIRE(loaded);
    CHECK(loaded->prove("label", "text") == proof);
  }
}

TEST_CASE("what is no file is refused without waiting for it") {
  temporary_folder folder;
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  std::filesystem::create_directory(folder / "folder");
  for (auto name : {"fifo", "folder"}) {
    auto loaded = cluster_secret::load(folder / name);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == errc::invalid);
    CHECK(contains(loaded.error().message, "is no file"));
  }
}

TEST_CASE("a proof is the HMAC-SHA-256 of label, zero byte, and text") {
  // The key of RFC 4231, test case 1: HMAC fills a key of 20 bytes up with zeros. The data of that
  // case hold no zero byte, so these figures are those of Python's hmac over "Hi\0There" and "\0",
  // which gives the RFC's figure for its data.
  temporary_folder folder;
  std::string key;
  for (int i = 0; i < 20; ++i)
    key += "0b";
  key += std::string(24, '0');
  auto secret = cluster_secret::load(write_private(folder, key)).value();
  CHECK(hex(secret.prove("Hi", "There")) ==
        "a360bc9c453e3bc24f8d59ecc9a553183a52ed3d7b2ee986393f1a89731270be");
  CHECK(hex(secret.prove("", "")) ==
        "e3a47024ab7462523b4e5784a19c01ea78f0fd049ad16b9e6d6119129a41565a");
}

TEST_CASE("proofs of another label, text, or split of the two differ") {
  temporary_folder folder;
  auto secret = cluster_secret::create(folder / "secret").value();
  auto proof = secret.prove("label", "text");
  CHECK(equal(proof, secret.prove("label", "text")));
  CHECK_FALSE(equal(proof, secret.prove("labe", "text")));
  CHECK_FALSE(equal(proof, secret.prove("label", "tex")));
  CHECK_FALSE(equal(proof, secret.prove("labelt", "ext")));
  for (std::size_t bit = 0; bit < 8 * proof.size(); ++bit) {
    auto other = proof;
    other[bit / 8] = static_cast<std::uint8_t>(other[bit / 8] ^ (1U << bit % 8));
    CHECK_FALSE(equal(proof, other));
  }
}

TEST_CASE("no secret is no secret, and a copy is one") {
  cluster_secret none;
  CHECK(none.empty());
  temporary_folder folder;
  auto secret = cluster_secret::create(folder / "secret").value();
  auto copy = secret;
  CHECK(copy.prove("label", "text") == secret.prove("label", "text"));
}
