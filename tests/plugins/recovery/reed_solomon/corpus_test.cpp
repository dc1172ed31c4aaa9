#include "reed_solomon_under_test.hpp"

#include <atoll/core/crc32c.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

// What was once stored must be readable by every later release: the tree has encoded chunks, and
// encoding must give these bytes.
namespace {

namespace fs = std::filesystem;

/// A line for each fragment of a few chunks: its length, its checksum and its first bytes; and one
/// small chunk as a whole.
std::string describe(const atl::spi::recovery& scheme) {
  std::string out = fmt::format("encoding {}\n", scheme.encoding());
  for (std::size_t size : {0, 1, 100, 65'536, 70'000, 300'000, 1'000'000}) {
    auto chunk = subject::content(size, size);
    std::string scratch;
    auto fragments = scheme.encode(chunk, scratch);
    for (std::size_t i = 0; i < fragments.size(); ++i) {
      out += fmt::format("chunk {} fragment {} bytes {} crc32c {:08x}", size, i,
                         fragments[i].size(), atl::crc32c(fragments[i]));
      for (unsigned char byte : fragments[i].substr(0, size == 100 ? 100 : 16))
        out += fmt::format(" {:02x}", byte);
      out += '\n';
    }
  }
  return out;
}

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream{file, std::ios::binary}.rdbuf();
  return text.str();
}

} // namespace

TEST_CASE("chunks are encoded to the bytes in the corpus, in every release") {
  for (auto [k, m] : {std::pair{4, 2}, {8, 3}, {10, 4}}) {
    auto scheme = subject::scheme(k, m);
    auto file =
        fs::path{ATOLL_CORPUS_FOLDER} / fmt::format("reed_solomon-rs-cauchy-1-k{}-m{}.txt", k, m);
    if (std::getenv("ATOLL_WRITE_CORPUS") != nullptr)
      std::ofstream{file, std::ios::binary} << describe(*scheme);
    CHECK_MESSAGE((read(file) == describe(*scheme)),
                  file.string() << ": encoding has changed: such fragments need another word in "
                                   "encoding(), and a file of their own");
  }
}
