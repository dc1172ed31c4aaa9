#include "job/posix_checksum.hpp"

#include <array>
#include <cstddef>

namespace dfs::job {

namespace {

constexpr std::uint32_t polynomial = 0x04c11db7;

using table = std::array<std::uint32_t, 256>;

/// `tables[k][b]`: the remainder of byte `b` with `k` zero bytes after it.
constexpr std::array<table, 8> make_tables() {
  std::array<table, 8> made{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    auto remainder = byte << 24;
    for (int bit = 0; bit < 8; ++bit)
      remainder = remainder << 1 ^ (remainder >> 31 != 0 ? polynomial : 0);
    made[0][byte] = remainder;
  }
  for (std::size_t k = 1; k < made.size(); ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      auto before = made[k - 1][byte];
      made[k][byte] = before << 8 ^ made[0][before >> 24];
    }
  return made;
}

constexpr auto tables = make_tables();

std::uint32_t load(const char* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

std::uint32_t add_byte(std::uint32_t remainder, std::uint32_t byte) {
  return remainder << 8 ^ tables[0][(remainder >> 24 ^ byte) & 0xff];
}

/// Product of two polynomials modulo the checksum's; bit `i` is the coefficient of xⁱ.
std::uint32_t multiply(std::uint32_t left, std::uint32_t right) {
  std::uint32_t product = 0;
  for (int bit = 31; bit >= 0; --bit) {
    product = product << 1 ^ (product >> 31 != 0 ? polynomial : 0);
    if ((right >> bit & 1) != 0)
      product ^= left;
  }
  return product;
}

/// x to the power of 8 · `bytes`: what shifts a remainder by so many bytes.
std::uint32_t shift_by(std::uint64_t bytes) {
  std::uint32_t power = 1;
  for (std::uint32_t square = 0x100; bytes != 0; bytes >>= 1, square = multiply(square, square))
    if ((bytes & 1) != 0)
      power = multiply(power, square);
  return power;
}

} // namespace

void posix_checksum::add(std::string_view data) {
  auto crc = remainder_;
  bytes_ += data.size();
  for (; data.size() >= 8; data.remove_prefix(8)) {
    auto high = load(data.data()) ^ crc;
    auto low = load(data.data() + 4);
    crc = tables[7][high >> 24] ^ tables[6][high >> 16 & 0xff] ^ tables[5][high >> 8 & 0xff] ^
          tables[4][high & 0xff] ^ tables[3][low >> 24] ^ tables[2][low >> 16 & 0xff] ^
          tables[1][low >> 8 & 0xff] ^ tables[0][low & 0xff];
  }
  for (auto byte : data)
    crc = add_byte(crc, static_cast<unsigned char>(byte));
  remainder_ = crc;
}

void posix_checksum::append(const posix_checksum& next) {
  remainder_ = multiply(remainder_, shift_by(next.bytes_)) ^ next.remainder_;
  bytes_ += next.bytes_;
}

std::uint32_t posix_checksum::value() const {
  auto crc = remainder_;
  for (auto length = bytes_; length != 0; length >>= 8)
    crc = add_byte(crc, static_cast<std::uint32_t>(length & 0xff));
  return ~crc;
}

} // namespace dfs::job
