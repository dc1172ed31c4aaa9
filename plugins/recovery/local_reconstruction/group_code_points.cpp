#include "group_code.hpp"

#include <algorithm>
#include <array>

namespace atl::local_reconstruction {

namespace {

struct chosen_matrix {
  std::uint32_t data, groups, globals;
  std::uint64_t number;
};

/// The first matrix of each of these shapes that is maximally recoverable, found by trying all
/// losses; the tests try them again. Of one group, or one parity of all data, the matrix 0 always
/// is.
constexpr std::array chosen{
    chosen_matrix{2, 2, 2, 0},      chosen_matrix{4, 2, 2, 1},      chosen_matrix{6, 2, 2, 0},
    chosen_matrix{8, 2, 2, 1},      chosen_matrix{10, 2, 2, 2},     chosen_matrix{12, 2, 2, 2},
    chosen_matrix{14, 2, 2, 7},     chosen_matrix{16, 2, 2, 32},    chosen_matrix{18, 2, 2, 1912},
    chosen_matrix{20, 2, 2, 15672}, chosen_matrix{3, 3, 2, 0},      chosen_matrix{6, 3, 2, 1},
    chosen_matrix{9, 3, 2, 2},      chosen_matrix{12, 3, 2, 2},     chosen_matrix{15, 3, 2, 9},
    chosen_matrix{18, 3, 2, 110},   chosen_matrix{21, 3, 2, 6601},  chosen_matrix{4, 4, 2, 0},
    chosen_matrix{8, 4, 2, 1},      chosen_matrix{12, 4, 2, 2},     chosen_matrix{16, 4, 2, 2},
    chosen_matrix{20, 4, 2, 129},   chosen_matrix{24, 4, 2, 38946}, chosen_matrix{2, 2, 3, 0},
    chosen_matrix{4, 2, 3, 1},      chosen_matrix{6, 2, 3, 1},      chosen_matrix{8, 2, 3, 4},
    chosen_matrix{10, 2, 3, 54},    chosen_matrix{12, 2, 3, 10063}, chosen_matrix{3, 3, 3, 0},
    chosen_matrix{6, 3, 3, 1},      chosen_matrix{9, 3, 3, 2},      chosen_matrix{12, 3, 3, 8848},
};

const chosen_matrix* find_matrix(const code_shape& shape) {
  auto found = std::ranges::find_if(chosen, [&](auto& each) {
    return each.data == shape.data && each.groups == shape.groups && each.globals == shape.globals;
  });
  return found == chosen.end() ? nullptr : &*found;
}

} // namespace

std::uint64_t matrix_number(const code_shape& shape) {
  auto* found = find_matrix(shape);
  return found == nullptr ? 0 : found->number;
}

bool is_maximally_recoverable(const code_shape& shape) {
  return shape.groups == 1 || shape.globals == 1 || find_matrix(shape) != nullptr;
}

} // namespace atl::local_reconstruction
