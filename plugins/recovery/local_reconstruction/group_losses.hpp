#pragma once

#include "../common/coded_repair.hpp"
#include "../common/parity_checks.hpp"
#include "group_code.hpp"

namespace atl::local_reconstruction {

/// Which losses the code of a shape survives, and what to read for a lost fragment: first the
/// others of its group.
class group_losses final : public coded::code_losses {
 public:
  group_losses(const code_shape& shape, const group_code& code)
      : code_losses{shape.total()}, shape_{shape}, checks_{code} {}

  /// Can the chunk be decoded? What `present` doesn't say of a fragment means that it is lost.
  bool is_enough(const std::vector<bool>& present) const;

  std::optional<std::uint32_t> spare(std::span<const std::uint32_t> copies) const override;
  std::vector<std::uint32_t> sources(std::uint32_t wanted,
                                     const std::vector<bool>& present) const override;

 private:
  code_shape shape_;
  coded::parity_checks checks_;
};

} // namespace atl::local_reconstruction
