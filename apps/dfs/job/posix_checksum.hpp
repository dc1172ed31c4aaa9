#pragma once

#include <cstdint>
#include <string_view>

namespace dfs::job {

/// The checksum of POSIX `cksum`: a CRC with the polynomial 0x04c11db7, the highest bit first,
/// which starts at 0 and takes the length in after the data.
class posix_checksum {
 public:
  posix_checksum() = default;
  /// Of data that was seen elsewhere.
  posix_checksum(std::uint32_t remainder, std::uint64_t bytes)
      : remainder_{remainder}, bytes_{bytes} {}

  void add(std::string_view data);
  /// Appends the data that `next` has seen.
  void append(const posix_checksum& next);

  /// Of the data so far, without its length: what pieces are joined by.
  std::uint32_t remainder() const { return remainder_; }
  std::uint64_t bytes() const { return bytes_; }
  /// What `cksum` prints.
  std::uint32_t value() const;

 private:
  std::uint32_t remainder_ = 0;
  std::uint64_t bytes_ = 0;
};

} // namespace dfs::job
