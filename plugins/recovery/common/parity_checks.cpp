#include "parity_checks.hpp"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <limits>

namespace atl::coded {

namespace {

/// All products of the field: judging multiplies so often that calls of ISA-L would take most of
/// its time.
struct product_table {
  product_table() : rows(256) {
    for (unsigned a = 0; a < 256; ++a)
      for (unsigned b = 0; b < 256; ++b)
        rows[a][b] = gf_mul(static_cast<unsigned char>(a), static_cast<unsigned char>(b));
  }
  std::vector<std::array<unsigned char, 256>> rows;
};

const std::array<unsigned char, 256>& products_with(unsigned char factor) {
  static const product_table table;
  return table.rows[factor];
}

} // namespace

/// Columns of which none is a combination of the others, in echelon form.
class parity_checks::independent_columns {
 public:
  explicit independent_columns(std::size_t equations) : equations_{equations} {}

  /// @returns false if the column is a combination of those that were added
  bool add(column added) {
    for (std::size_t i = 0; i < count_; ++i)
      if (auto factor = added[pivots_[i]]; factor != 0) {
        auto& products = products_with(factor);
        for (std::size_t row = 0; row < equations_; ++row)
          added[row] ^= products[columns_[i][row]];
      }
    auto pivot = std::ranges::find_if(added, [](auto value) { return value != 0; });
    if (pivot == added.end())
      return false;
    auto& scaled = products_with(gf_inv(*pivot));
    pivots_[count_] = static_cast<std::size_t>(pivot - added.begin());
    for (auto& value : added)
      value = scaled[value];
    columns_[count_++] = added;
    return true;
  }

 private:
  std::size_t equations_;
  std::size_t count_ = 0;
  std::array<column, equations_max> columns_{};
  std::array<std::size_t, equations_max> pivots_{};
};

/// Finds the fewest copies whose loss can't be mended.
struct parity_checks::search {
  struct candidate {
    std::uint32_t copies;
    const column* equations;
  };
  std::vector<candidate> candidates; ///< in order of their copies
  std::uint32_t fewest = std::numeric_limits<std::uint32_t>::max();

  /// Tries all sets that add candidates from `first` on to those that are lost.
  void try_more(const independent_columns& lost, std::uint32_t copies_lost, std::size_t first) {
    for (auto i = first; i < candidates.size(); ++i) {
      auto copies = copies_lost + candidates[i].copies;
      if (copies >= fewest)
        return;
      auto more = lost;
      if (!more.add(*candidates[i].equations))
        fewest = copies;
      else if (copies + candidates[i].copies < fewest) // each further one has as many or more
        try_more(more, copies, i + 1);
    }
  }
};

parity_checks::parity_checks(const linear_code& code)
    : equations_{code.parity()}, columns_(code.total()) {
  for (std::uint32_t equation = 0; equation < code.parity(); ++equation) {
    for (std::uint32_t fragment = 0; fragment < code.data(); ++fragment)
      columns_[fragment][equation] = code.coefficient(equation, fragment);
    columns_[code.data() + equation][equation] = 1;
  }
}

bool parity_checks::determine(std::span<const std::uint32_t> lost) const {
  independent_columns columns{equations_};
  return lost.size() <= equations_ &&
         std::ranges::all_of(lost, [&](auto index) { return columns.add(columns_[index]); });
}

std::optional<std::uint32_t> parity_checks::spare(std::span<const std::uint32_t> copies) const {
  independent_columns lost{equations_};
  search fewest;
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (copies[i] > 0)
      fewest.candidates.push_back({copies[i], &columns_[i]});
    else if (!lost.add(columns_[i]))
      return std::nullopt;
  std::ranges::stable_sort(fewest.candidates, {}, &search::candidate::copies);
  fewest.try_more(lost, 0, 0);
  return fewest.fewest - 1;
}

} // namespace atl::coded
