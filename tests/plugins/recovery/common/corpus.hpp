#pragma once

#include "encoded_chunks.hpp"

#include <atoll/core/crc32c.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

/// What was once stored must be readable by every later release: the tree has encoded chunks, and
/// encoding must give these bytes.
namespace corpus {

/// A line for each fragment of a few chunks: its length, its checksum and its first bytes; and one
/// small chunk as a whole.
inline std::string describe(const atl::spi::recovery& scheme) {
  std::string out = fmt::format("encoding {}\n", scheme.encoding());
  for (std::size_t size : {0, 1, 100, 65'536, 70'000, 300'000, 1'000'000}) {
    auto fragments = subject::encoded(scheme, subject::content(size, size));
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

/// Checks that the scheme encodes as this file of the corpus says; with `ATOLL_WRITE_CORPUS` it is
/// written first.
inline void check(const atl::spi::recovery& scheme, const std::string& name) {
  auto file = std::filesystem::path{ATOLL_CORPUS_FOLDER} / name;
  if (std::getenv("ATOLL_WRITE_CORPUS") != nullptr)
    std::ofstream{file, std::ios::binary} << describe(scheme);
  std::ostringstream known;
  known << std::ifstream{file, std::ios::binary}.rdbuf();
  CHECK_MESSAGE((known.str() == describe(scheme)),
                file.string() << ": encoding has changed: such fragments need another word in "
                                 "encoding(), and a file of their own");
}

} // namespace corpus
