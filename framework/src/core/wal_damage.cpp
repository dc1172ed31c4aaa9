#include "wal_damage.hpp"

#include <atoll/core/crc32c.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string_view>
#include <vector>

namespace atl {

namespace {

// RocksDB's documented format of a log: blocks of 32 KiB with records of checksum (4 bytes), length
// (2) and type (1); where less than a header is left of a block, it is filled up.
constexpr std::size_t block_bytes = 32 << 10;
constexpr std::size_t header_bytes = 7;
constexpr unsigned char last_known_type = 11;

std::uint32_t unmasked(std::uint32_t crc) {
  crc -= 0xa282ead8U;
  return crc >> 17 | crc << 15;
}

/// The first record in a block that can't be read. @param begin of the block, in the file
std::string damage_in(std::string_view block, std::uint64_t begin) {
  for (std::size_t at = 0; at + header_bytes <= block.size();) {
    std::uint32_t crc = 0;
    std::uint16_t length = 0;
    std::memcpy(&crc, block.data() + at, sizeof crc);
    std::memcpy(&length, block.data() + at + 4, sizeof length);
    auto type = static_cast<unsigned char>(block[at + 6]);
    if (type == 0 && length == 0)
      return {}; // space that was reserved and not written
    auto where = fmt::format("offset {}", begin + at);
    if (type > last_known_type)
      return fmt::format("{}: a record of type {}, which there isn't", where, type);
    if (at + header_bytes + length > block.size())
      return block.size() < block_bytes
                 ? std::string{} // the last write, torn
                 : fmt::format("{}: a record of {} bytes in a block that has {} left", where,
                               length, block.size() - at - header_bytes);
    auto found = crc32c(block.substr(at + 6, 1U + length));
    if (unmasked(crc) != found)
      return fmt::format("{}: a record has the checksum {:08x}, and its bytes have {:08x}", where,
                         unmasked(crc), found);
    at += header_bytes + length;
  }
  return {};
}

std::string damage_in(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::string block(block_bytes, '\0');
  for (std::uint64_t begin = 0; in; begin += block_bytes) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    auto got = static_cast<std::size_t>(in.gcount());
    if (auto found = damage_in(std::string_view{block}.substr(0, got), begin); !found.empty())
      return fmt::format("{}, {}", file.filename().string(), found);
  }
  return {};
}

} // namespace

std::string find_wal_damage(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code failed;
  for (std::filesystem::directory_iterator it{folder, failed}, end; !failed && it != end;
       it.increment(failed))
    if (it->path().extension() == ".log")
      files.push_back(it->path());
  std::sort(files.begin(), files.end());
  for (auto& file : files)
    if (auto found = damage_in(file); !found.empty())
      return found;
  return {};
}

} // namespace atl
