#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::copies {

struct copy_counts {
  std::uint32_t copies = 1;
  std::uint32_t min_write = 1; ///< that must be stored before a write is acknowledged
};

/// From the options `copies` and `min_copies`. @param otherwise_min what a `min_copies` of 0 means,
/// for so many copies. @throws std::invalid_argument if more copies must be stored than are made
copy_counts copy_counts_of(const spi::options& chosen,
                           std::uint32_t otherwise_min(std::uint32_t copies));

/// Whole copies of a chunk, each on a separate node: what schemes of identical fragments share.
class whole_copies : public spi::recovery {
 public:
  explicit whole_copies(const copy_counts& counts) : counts_{counts} {}

  spi::fragment_layout layout() const override;
  std::string encoding() const override { return "copy/1"; }
  spi::promises promised() const override;

  std::vector<std::string_view> encode(std::string_view chunk, std::string&) const override;
  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string&) const override;
  std::size_t fragment_size(std::size_t size, std::uint32_t) const override;

  std::optional<std::vector<spi::fragment_range>>
  reads_for(std::size_t, std::size_t offset, std::size_t length,
            std::span<const spi::source> sources) const override;
  bool assemble(std::size_t, std::size_t offset, std::span<const spi::piece> pieces,
                std::span<char> out) const override;
  std::optional<std::vector<spi::fragment_range>>
  reads_to_rebuild(std::size_t size, const spi::fragment_range& wanted,
                   std::span<const spi::source> sources) const override;
  bool rebuild(std::size_t, const spi::fragment_range& wanted, std::span<const spi::piece> pieces,
               std::span<char> out) const override;

  bool enough(const std::vector<bool>& present) const override;
  spi::verdict judge(const spi::chunk_report& report) const override;
  std::vector<spi::repair_step> plan(std::span<const spi::chunk_report> reports) const override;

 private:
  copy_counts counts_;
};

} // namespace atl::copies
