#pragma once

#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <cstdint>

/// Small recovery schemes for tests of what hosts them.
namespace fakes {

namespace spi = atl::spi;

/// Fragments of which any `needed` are enough, each an equal part of the chunk.
class threshold_scheme : public spi::recovery {
 public:
  threshold_scheme(std::uint32_t total, std::uint32_t needed) : total_{total}, needed_{needed} {}

  spi::fragment_layout layout() const override { return {total_, needed_, needed_, false}; }
  std::vector<std::string_view> encode(std::string_view, std::string&) const override { return {}; }
  std::optional<std::string_view> decode(std::size_t,
                                         std::span<const std::optional<std::string_view>>,
                                         std::string&) const override {
    return std::nullopt;
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t) const override {
    return size / needed_;
  }
  bool enough(const std::vector<bool>& present) const override {
    return std::count(present.begin(), present.end(), true) >= needed_;
  }
  spi::verdict judge(const spi::chunk_report& report) const override {
    auto there = static_cast<std::uint32_t>(report.fragments.size());
    if (there < needed_)
      return {spi::chunk_health::lost, 0};
    return {spi::chunk_health::degraded, there - needed_};
  }
  std::vector<spi::repair_step> plan(std::span<const spi::chunk_report>) const override {
    return {};
  }

 private:
  std::uint32_t total_;
  std::uint32_t needed_;
};

/// Four fragments in two pairs: of each pair one is enough. Any loss is survived, and most sets of
/// two.
class paired_scheme : public threshold_scheme {
 public:
  paired_scheme() : threshold_scheme{4, 2} {}

  bool enough(const std::vector<bool>& present) const override {
    return (present[0] || present[1]) && (present[2] || present[3]);
  }
};

} // namespace fakes
