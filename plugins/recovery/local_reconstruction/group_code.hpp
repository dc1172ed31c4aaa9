#pragma once

#include "../common/linear_code.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace atl::local_reconstruction {

/// Data in groups: a parity of each group, and parities of all data.
struct code_shape {
  std::uint32_t data = 12;   ///< data fragments; a multiple of `groups`
  std::uint32_t groups = 2;  ///< each with a parity of its own
  std::uint32_t globals = 2; ///< parities of all data

  std::uint32_t group_data() const { return data / groups; }
  std::uint32_t total() const { return data + groups + globals; }

  /// The group of a fragment: of data, or a group's parity. None for a parity of all data.
  std::optional<std::uint32_t> group_of(std::uint32_t fragment) const {
    if (fragment < data)
      return fragment / group_data();
    return fragment < data + groups ? std::optional{fragment - data} : std::nullopt;
  }
};

/// The fragments are the data, then the parity of each group, then the parities of all data.
///
/// A group's parity is the exclusive or of its data. The other parities come from a Cauchy matrix
/// of `globals` + 1 rows, its columns scaled so that its first row is all ones: each of its square
/// parts can be inverted, and the parities of the groups are that first row in parts. So any
/// `globals` + 1 losses can be made again, of every shape (Huang et al., *Pyramid Codes*, 2007:
/// from the fragments of such a code at least as much can be decoded as from those of the code of
/// the whole matrix). Which points the matrix has depends on the shape: `group_code_points.cpp`.
class group_code : public coded::linear_code {
 public:
  explicit group_code(const code_shape& shape);
};

/// Which of all Cauchy matrices a shape has. Part of the encoding: what is listed never changes.
std::uint64_t matrix_number(const code_shape& shape);

/// Is it known that fragments of this shape can be decoded whenever any code of this shape could be
/// (maximally recoverable)?
bool is_maximally_recoverable(const code_shape& shape);

} // namespace atl::local_reconstruction
