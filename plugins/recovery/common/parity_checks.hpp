#pragma once

#include "linear_code.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace atl::coded {

/// Which losses a linear code of few parity fragments survives, exactly. Each parity fragment is an
/// equation; lost fragments can be made again if the equations determine them, that is if their
/// columns of the equations are independent. Immutable and thread-safe.
class parity_checks {
 public:
  static constexpr std::uint32_t equations_max = 8;

  /// @pre the code has at most `equations_max` fragments of parity
  explicit parity_checks(const linear_code& code);

  /// Can these fragments be made of all others? @param lost indexes of different fragments
  bool determine(std::span<const std::uint32_t> lost) const;

  /// How many copies can be lost, whichever they are, before a fragment can't be made; none if one
  /// can't be made now. Takes as long as trying all losses of as many fragments as the result.
  /// @param copies of each fragment
  std::optional<std::uint32_t> spare(std::span<const std::uint32_t> copies) const;

 private:
  using column = std::array<unsigned char, equations_max>;
  class independent_columns;
  struct search;

  std::size_t equations_;
  std::vector<column> columns_; ///< of each fragment: its coefficient in each equation
};

} // namespace atl::coded
