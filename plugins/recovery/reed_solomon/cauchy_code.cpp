#include "cauchy_code.hpp"

#include <isa-l/erasure_code.h>

#include <vector>

namespace atl::reed_solomon {

namespace {

std::vector<unsigned char> cauchy_rows(std::uint32_t data, std::uint32_t parity) {
  std::vector<unsigned char> matrix(std::size_t{data} * (data + parity));
  gf_gen_cauchy1_matrix(matrix.data(), static_cast<int>(data + parity), static_cast<int>(data));
  return {matrix.begin() + std::ptrdiff_t{data} * data, matrix.end()};
}

} // namespace

cauchy_code::cauchy_code(std::uint32_t data, std::uint32_t parity)
    : linear_code{data, cauchy_rows(data, parity)} {}

} // namespace atl::reed_solomon
