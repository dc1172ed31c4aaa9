#include "store_fixture.hpp"

#include <atoll/core/crc32c.hpp>

#include <fcntl.h>

using namespace dfs;
using namespace dfs::test;

TEST_CASE("a block's checksum is CRC-32C and matches the vectors of RFC 3720") {
  CHECK(block_crc(bytes_of("123456789")) == 0xE3069283);
  CHECK(block_crc(bytes_of(std::string(32, '\0'))) == 0x8A9136AA);
  CHECK(block_crc(bytes_of(std::string(32, '\xff'))) == 0x62A8AB43);
  CHECK(block_crc({}) == 0);
}

TEST_CASE("a fragment's name is parsed as it was formatted, and other names are refused") {
  fragment_key key{{0x0123456789abcdef, 0xfedcba9876543210}, 7};
  CHECK(to_string(key) == "0123456789abcdeffedcba9876543210.7");
  CHECK(parse_fragment_key(to_string(key)) == key);
  for (std::string_view wrong :
       {"", ".", "0123456789abcdeffedcba9876543210", "0123456789abcdeffedcba9876543210.",
        "0123456789abcdeffedcba9876543210.07", "0123456789abcdeffedcba9876543210.7x",
        "0123456789abcdeffedcba9876543210.-7", "0123456789abcdeffedcba9876543210.65536",
        "0123456789ABCDEFfedcba9876543210.7", "0123.7"})
    CHECK_MESSAGE(!parse_fragment_key(wrong), wrong);
}

TEST_CASE("a fragment's file consists of its data, the checksums of its blocks and a trailer of "
          "56 bytes") {
  store_fixture fixture;
  auto data = pattern(2 * block_size + 1);
  REQUIRE(put(*fixture.store, key_of(1), data));
  CHECK(std::filesystem::file_size(fixture.path_of(key_of(1))) == data.size() + 3 * 4 + 56);
  std::ifstream file{fixture.path_of(key_of(1)), std::ios::binary};
  std::string start(data.size(), '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  CHECK(start == data);
}

TEST_CASE("every single flipped bit of a fragment's footer is found") {
  temporary_folder home;
  auto data = pattern(block_size + 10);
  fragment_info info{key_of(1), data.size(), crcs_of(data)};
  auto footer = encode_footer(info);
  auto whole = data + footer;
  for (std::size_t bit = 0; bit < footer.size() * 8; ++bit) {
    auto broken = whole;
    broken[data.size() + bit / 8] ^= static_cast<char>(1 << (bit % 8));
    auto path = home.write("fragment", broken).string();
    disk_file file{real_disk(), real_disk().open(path, O_RDONLY)};
    auto read = read_footer(real_disk(), file.fd(), info.key);
    REQUIRE_MESSAGE(!read, "bit ", bit);
    CHECK(read.error().code == atl::errc::corrupt);
  }
}

TEST_CASE("a trailer with an absurd size causes no allocation") {
  temporary_folder home;
  fragment_info info{key_of(1), std::uint64_t{1} << 60, {}};
  auto path = home.write("fragment", encode_footer(info)).string();
  disk_file file{real_disk(), real_disk().open(path, O_RDONLY)};
  auto read = read_footer(real_disk(), file.fd(), info.key);
  REQUIRE(!read);
  CHECK(read.error().code == atl::errc::corrupt);
}
