#include "group_code.hpp"

#include <isa-l/erasure_code.h>

#include <array>
#include <numeric>
#include <utility>

namespace atl::local_reconstruction {

namespace {

/// All elements of the field, in an order that depends on the number. Part of the encoding.
std::array<unsigned char, 256> order_of_elements(std::uint64_t number) {
  std::array<unsigned char, 256> order{};
  std::iota(order.begin(), order.end(), static_cast<unsigned char>(0));
  auto state = number;
  for (std::size_t last = 255; last > 0 && number != 0; --last) {
    state = state * 6364136223846793005 + 1442695040888963407;
    std::swap(order[last], order[(state >> 33) % (last + 1)]);
  }
  return order;
}

std::vector<unsigned char> parity_rows(const code_shape& shape) {
  auto points = order_of_elements(matrix_number(shape));
  std::vector<unsigned char> rows;
  for (std::uint32_t group = 0; group < shape.groups; ++group)
    for (std::uint32_t column = 0; column < shape.data; ++column)
      rows.push_back(shape.group_of(column) == group ? 1 : 0);
  for (std::uint32_t row = 1; row <= shape.globals; ++row)
    for (std::uint32_t column = 0; column < shape.data; ++column) {
      auto point = points[shape.globals + 1 + column];
      auto scale = static_cast<unsigned char>(points[0] ^ point);
      auto sum = static_cast<unsigned char>(points[row] ^ point);
      rows.push_back(gf_mul(scale, gf_inv(sum)));
    }
  return rows;
}

} // namespace

group_code::group_code(const code_shape& shape) : linear_code{shape.data, parity_rows(shape)} {}

} // namespace atl::local_reconstruction
