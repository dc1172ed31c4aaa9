#include "linear_code.hpp"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <utility>

namespace atl::coded {

namespace {

constexpr std::size_t table_bytes = 32; ///< for each coefficient of a row

/// ISA-L takes pointers that aren't const, and writes to none of the sources.
unsigned char** sources_of(std::span<const unsigned char* const> from) {
  return const_cast<unsigned char**>(from.data());
}
unsigned char** targets_of(std::span<unsigned char* const> to) {
  return const_cast<unsigned char**>(to.data());
}

std::vector<unsigned char> tables_of(std::size_t columns, std::size_t rows,
                                     std::span<unsigned char> matrix) {
  std::vector<unsigned char> tables(table_bytes * columns * rows);
  ec_init_tables(static_cast<int>(columns), static_cast<int>(rows), matrix.data(), tables.data());
  return tables;
}

/// Rows of a matrix in echelon form, and how each is a combination of the rows that were added.
class echelon_form {
 public:
  echelon_form(std::size_t columns, std::size_t rows_max)
      : columns_{columns}, rows_max_{rows_max} {}

  /// Adds row `number`. @returns false if the earlier rows determine it
  bool add(std::span<const unsigned char> values, std::size_t number) {
    auto added = reduced(values);
    added.mix[number] = 1;
    auto pivot = std::ranges::find_if(added.values, [](auto value) { return value != 0; });
    if (pivot == added.values.end())
      return false;
    added.pivot = static_cast<std::size_t>(pivot - added.values.begin());
    auto scale = gf_inv(*pivot);
    for (auto* part : {&added.values, &added.mix})
      for (auto& value : *part)
        value = gf_mul(value, scale);
    rows_.push_back(std::move(added));
    return true;
  }

  /// The coefficients of the rows that were added whose sum these values are, if they are one.
  std::optional<std::vector<unsigned char>> solve(std::span<const unsigned char> values) const {
    auto rest = reduced(values);
    if (std::ranges::any_of(rest.values, [](auto value) { return value != 0; }))
      return std::nullopt;
    return std::move(rest.mix);
  }

 private:
  struct row {
    std::vector<unsigned char> values;
    std::vector<unsigned char> mix; ///< which combination of the added rows it is
    std::size_t pivot = 0;
  };

  row reduced(std::span<const unsigned char> values) const {
    row rest{{values.begin(), values.end()}, std::vector<unsigned char>(rows_max_), 0};
    for (auto& each : rows_) {
      auto factor = rest.values[each.pivot];
      if (factor == 0)
        continue;
      for (std::size_t i = 0; i < columns_; ++i)
        rest.values[i] ^= gf_mul(factor, each.values[i]);
      for (std::size_t i = 0; i < rows_max_; ++i)
        rest.mix[i] ^= gf_mul(factor, each.mix[i]);
    }
    return rest;
  }

  std::size_t columns_;
  std::size_t rows_max_;
  std::vector<row> rows_;
};

} // namespace

linear_code::linear_code(std::uint32_t data, std::vector<unsigned char> parity_rows)
    : data_{data}, parity_{static_cast<std::uint32_t>(parity_rows.size() / data)},
      matrix_(std::size_t{data} * data) {
  for (std::size_t i = 0; i < data_; ++i)
    matrix_[i * data_ + i] = 1;
  tables_ = tables_of(data_, parity_, parity_rows);
  matrix_.insert(matrix_.end(), parity_rows.begin(), parity_rows.end());
}

void linear_code::encode(std::size_t bytes, std::span<const unsigned char* const> from,
                         std::span<unsigned char* const> to) const {
  ec_encode_data(static_cast<int>(bytes), static_cast<int>(data_), static_cast<int>(parity_),
                 const_cast<unsigned char*>(tables_.data()), sources_of(from), targets_of(to));
}

std::optional<linear_code::decoder>
linear_code::make_decoder(std::span<const std::uint32_t> present,
                          std::span<const std::uint32_t> wanted) const {
  echelon_form known{data_, present.size()};
  std::vector<std::vector<unsigned char>> mixes;
  std::size_t added = 0;
  for (auto index : wanted) {
    auto mix = known.solve(row(index));
    for (; !mix && added < present.size(); ++added)
      if (known.add(row(present[added]), added))
        mix = known.solve(row(index));
    if (!mix)
      return std::nullopt;
    mixes.push_back(std::move(*mix));
  }
  decoder made;
  made.wanted_ = wanted.size();
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < present.size(); ++i)
    if (std::ranges::any_of(mixes, [&](auto& mix) { return mix[i] != 0; })) {
      used.push_back(i);
      made.sources_.push_back(present[i]);
    }
  std::vector<unsigned char> chosen;
  for (auto& mix : mixes)
    for (auto i : used)
      chosen.push_back(mix[i]);
  made.tables_ = tables_of(used.size(), wanted.size(), chosen);
  return made;
}

void linear_code::decoder::run(std::size_t bytes, std::span<const unsigned char* const> from,
                               std::span<unsigned char* const> to) const {
  ec_encode_data(static_cast<int>(bytes), static_cast<int>(from.size()), static_cast<int>(wanted_),
                 const_cast<unsigned char*>(tables_.data()), sources_of(from), targets_of(to));
}

} // namespace atl::coded
