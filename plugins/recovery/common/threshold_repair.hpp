#pragma once

#include "coded_repair.hpp"

#include <cstdint>
#include <vector>

namespace atl::coded {

/// Codes in which any `needed` of `total` fragments make the chunk (maximum distance separable
/// codes). A rebuild reads `needed` fragments.
class threshold final : public code_losses {
 public:
  threshold(std::uint32_t total, std::uint32_t needed) : code_losses{total}, needed_{needed} {}

  std::optional<std::uint32_t> spare(std::span<const std::uint32_t> copies) const override;
  std::vector<std::uint32_t> sources(std::uint32_t wanted,
                                     const std::vector<bool>& present) const override;

  std::uint32_t needed() const { return needed_; }

 private:
  std::uint32_t needed_;
};

bool is_enough(const threshold& code, const std::vector<bool>& present);

} // namespace atl::coded
