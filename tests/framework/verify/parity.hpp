#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// A small correct recovery scheme for tests to break: a chunk in `pieces` equal parts, the
/// last one padded with zeros, and their exclusive or. Any single fragment can be lost.
class parity : public atl::spi::recovery {
 public:
  explicit parity(std::uint32_t pieces = 2) : pieces_{pieces} {}

  atl::spi::fragment_layout layout() const override;
  std::vector<std::string_view> encode(std::string_view chunk, std::string& scratch) const override;
  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override;
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override;
  bool enough(const std::vector<bool>& present) const override;
  atl::spi::verdict judge(const atl::spi::chunk_report& report) const override;
  std::vector<atl::spi::repair_step>
  plan(std::span<const atl::spi::chunk_report> reports) const override;

 protected:
  using fragments_at_hand = std::span<const std::optional<std::string_view>>;

  std::uint32_t total() const { return pieces_ + 1; }
  std::size_t piece_size(std::size_t size) const { return (size + pieces_ - 1) / pieces_; }
  /// Which fragments are present with the right length.
  std::vector<bool> usable(std::size_t size, fragments_at_hand fragments) const;
  /// Joins the pieces; a missing piece is computed from the others.
  std::string_view join(std::size_t size, fragments_at_hand fragments,
                        const std::vector<bool>& present, std::string& scratch) const;
  /// The number of losses that lose the chunk, given the number of good copies of each fragment.
  std::uint32_t spare(std::vector<std::uint32_t> copies) const;
  std::vector<std::uint32_t> good_copies(const atl::spi::chunk_report& report) const;
  virtual bool is_healthy(const atl::spi::chunk_report& report) const;

  /// A step, with the number of fragments that can still be lost before the step.
  struct ranked_step {
    std::uint32_t danger;
    atl::spi::repair_step step;
  };
  virtual std::vector<ranked_step> mend(const atl::spi::chunk_report& report) const;

  std::uint32_t pieces_;
};
