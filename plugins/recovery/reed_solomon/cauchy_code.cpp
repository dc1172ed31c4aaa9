#include "cauchy_code.hpp"

#include <isa-l/erasure_code.h>

#include <stdexcept>

namespace atl::reed_solomon {

namespace {

constexpr std::size_t table_bytes = 32; ///< for each coefficient of a row

/// ISA-L takes pointers that aren't const, and writes to none of the sources.
unsigned char** sources(std::span<const unsigned char* const> from) {
  return const_cast<unsigned char**>(from.data());
}
unsigned char** targets(std::span<unsigned char* const> to) {
  return const_cast<unsigned char**>(to.data());
}

std::vector<unsigned char> tables_of(std::size_t columns, std::size_t rows,
                                     std::vector<unsigned char>& matrix, std::size_t first) {
  std::vector<unsigned char> tables(table_bytes * columns * rows);
  ec_init_tables(static_cast<int>(columns), static_cast<int>(rows), matrix.data() + first,
                 tables.data());
  return tables;
}

} // namespace

cauchy_code::cauchy_code(std::uint32_t data, std::uint32_t parity)
    : data_{data}, parity_{parity}, matrix_(std::size_t{data} * (data + parity)) {
  gf_gen_cauchy1_matrix(matrix_.data(), static_cast<int>(data + parity), static_cast<int>(data));
  tables_ = tables_of(data_, parity_, matrix_, std::size_t{data} * data);
}

void cauchy_code::encode(std::size_t bytes, std::span<const unsigned char* const> from,
                         std::span<unsigned char* const> to) const {
  ec_encode_data(static_cast<int>(bytes), static_cast<int>(data_), static_cast<int>(parity_),
                 const_cast<unsigned char*>(tables_.data()), sources(from), targets(to));
}

/// The fragments that are present are the data times their rows of the matrix; the inverse of these
/// rows gives the data back, and any fragment's row times that inverse gives the fragment.
cauchy_code::decoder cauchy_code::make_decoder(std::span<const std::uint32_t> present,
                                               std::span<const std::uint32_t> wanted) const {
  std::vector<unsigned char> rows;
  for (auto index : present)
    rows.insert(rows.end(), matrix_.begin() + std::ptrdiff_t{index} * data_,
                matrix_.begin() + std::ptrdiff_t{index + 1} * data_);
  std::vector<unsigned char> inverse(rows.size());
  if (present.size() != data_ ||
      gf_invert_matrix(rows.data(), inverse.data(), static_cast<int>(data_)) != 0)
    throw std::logic_error("these fragments determine nothing");
  std::vector<unsigned char> chosen;
  for (auto index : wanted)
    for (std::size_t column = 0; column < data_; ++column) {
      unsigned char sum = 0;
      for (std::size_t i = 0; i < data_; ++i)
        sum ^= gf_mul(matrix_[index * std::size_t{data_} + i], inverse[i * data_ + column]);
      chosen.push_back(sum);
    }
  decoder made;
  made.wanted_ = wanted.size();
  made.tables_ = tables_of(data_, wanted.size(), chosen, 0);
  return made;
}

void cauchy_code::decoder::run(std::size_t bytes, std::span<const unsigned char* const> from,
                               std::span<unsigned char* const> to) const {
  ec_encode_data(static_cast<int>(bytes), static_cast<int>(from.size()), static_cast<int>(wanted_),
                 const_cast<unsigned char*>(tables_.data()), sources(from), targets(to));
}

} // namespace atl::reed_solomon
