#include "layered_code.hpp"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>

namespace atl::clay {

namespace {

constexpr unsigned char gamma = 2; ///< any element but 0 and 1 will do

std::uint32_t rows_of(std::uint32_t data, std::uint32_t parity) {
  return (data + parity + parity - 1) / parity;
}

std::vector<unsigned char> cauchy_rows(std::uint32_t data, std::uint32_t parity) {
  std::vector<unsigned char> matrix(std::size_t{data} * (data + parity));
  gf_gen_cauchy1_matrix(matrix.data(), static_cast<int>(data + parity), static_cast<int>(data));
  return {matrix.begin() + std::ptrdiff_t{data} * data, matrix.end()};
}

} // namespace

struct layered_code::mixture {
  mixture(unsigned char a, unsigned char b) {
    unsigned char factors[] = {a, b};
    ec_init_tables(2, 1, factors, tables.data());
  }
  void run(std::size_t bytes, const unsigned char* first, const unsigned char* second,
           unsigned char* to) const {
    std::array sources{const_cast<unsigned char*>(first), const_cast<unsigned char*>(second)};
    ec_encode_data(static_cast<int>(bytes), 2, 1, const_cast<unsigned char*>(tables.data()),
                   sources.data(), &to);
  }
  std::array<unsigned char, 64> tables{};
};

std::uint32_t layered_code::layers_of(std::uint32_t data, std::uint32_t parity) {
  std::uint32_t layers = 1;
  for (std::uint32_t row = 0; row < rows_of(data, parity) && layers <= layers_max; ++row)
    layers *= parity;
  return layers;
}

layered_code::layered_code(std::uint32_t data, std::uint32_t parity)
    : data_{data}, parity_{parity}, empty_places_{rows_of(data, parity) * parity - data - parity},
      code_{data + empty_places_, cauchy_rows(data + empty_places_, parity)} {
  for (std::uint32_t row = 0; row < rows_of(data, parity); ++row) {
    weights_.push_back(layers_);
    layers_ *= parity;
  }
}

layered_code::workspace::workspace(const layered_code& code, std::size_t bytes)
    : layers_{code.layers()}, bytes_{bytes}, room_{std::make_unique_for_overwrite<unsigned char[]>(
                                                 bytes * code.places() * code.layers())},
      zeros_(bytes), made_(bytes) {}

std::size_t layered_code::symbol_bytes_max() const {
  constexpr std::size_t room = std::size_t{1} << 20;
  return std::clamp<std::size_t>(room / (std::size_t{places()} * layers_) / 64 * 64, 256, 4096);
}

layered_code::vertex layered_code::partner(std::uint32_t place, std::uint32_t layer) const {
  auto of = row(place);
  return {of * parity_ + digit(layer, of), with_digit(layer, of, column(place))};
}

const unsigned char* layered_code::stored(const symbols& at, std::uint32_t place,
                                          std::uint32_t layer, const workspace& room) const {
  auto* bytes = is_empty(place) ? nullptr : at.known(fragment_at(place), layer);
  return bytes == nullptr ? room.zeros_.data() : bytes;
}

coded::linear_code::decoder
layered_code::decoder_without(std::span<const std::uint32_t> places) const {
  std::vector<std::uint32_t> others;
  for (std::uint32_t place = 0; place < code_.total(); ++place)
    if (std::ranges::find(places, place) == places.end())
      others.push_back(place);
  auto decoder = code_.make_decoder(others, places);
  if (!decoder)
    throw std::logic_error("more fragments are lost than of parity");
  return *std::move(decoder);
}

/// A contribution in a layer is known once its own symbol and its partner's are. If the partner is
/// lost, its contribution to its layer is taken instead: that layer has one lost fragment less
/// among those without partners, so it is done before (the paper's intersection score).
void layered_code::decode(std::span<const std::uint32_t> lost, std::size_t bytes, const symbols& at,
                          workspace& room) const {
  constexpr auto square = static_cast<unsigned char>(1 ^ gamma * gamma); // γ² = 4 without overflow
  const mixture couple{1, gamma}, from_contribution{square, gamma};
  const auto inverse = gf_inv(square);
  const mixture uncouple{inverse, gf_mul(inverse, gamma)};

  std::vector<std::uint32_t> lost_places;
  std::vector<bool> is_lost(places());
  for (auto fragment : lost) {
    lost_places.push_back(place_of(fragment));
    is_lost[lost_places.back()] = true;
  }
  auto decoder = decoder_without(lost_places);
  auto score = [&](std::uint32_t layer) {
    return std::ranges::count_if(lost_places,
                                 [&](auto place) { return !is_coupled(place, layer); });
  };
  std::vector<std::uint32_t> order(layers_);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, score);
  for (auto layer : order) {
    std::vector<const unsigned char*> from;
    for (auto place : decoder.sources()) {
      auto* own = stored(at, place, layer, room);
      if (!is_coupled(place, layer)) {
        from.push_back(own);
        continue;
      }
      auto other = partner(place, layer);
      auto* made = room.contribution(place, layer);
      if (is_lost[other.place])
        from_contribution.run(bytes, own, room.contribution(other.place, other.layer), made);
      else
        couple.run(bytes, own, stored(at, other.place, other.layer, room), made);
      from.push_back(made);
    }
    std::vector<unsigned char*> to;
    for (auto place : lost_places)
      to.push_back(room.contribution(place, layer));
    decoder.run(bytes, from, to);
  }
  for (auto place : lost_places)
    for (std::uint32_t layer = 0; layer < layers_; ++layer) {
      auto* made = room.contribution(place, layer);
      if (is_coupled(place, layer)) {
        auto other = partner(place, layer);
        auto* target = room.made_.data();
        if (is_lost[other.place])
          uncouple.run(bytes, made, room.contribution(other.place, other.layer), target);
        else
          couple.run(bytes, made, stored(at, other.place, other.layer, room), target);
        made = target;
      }
      at.take(fragment_at(place), layer, made);
    }
}

/// The layers in which the lost fragment has no partner: a q-th of all. Fragments of other rows are
/// coupled within these layers only, so their contributions follow from what they store there; the
/// contributions of the lost fragment's row follow from those of all others.
std::vector<layer_set> layered_code::needed(std::uint32_t lost, const layer_set& wanted) const {
  std::vector<layer_set> needed(total(), layer_set(layers_));
  auto need = [&](std::uint32_t place, std::uint32_t layer) {
    if (!is_empty(place))
      needed[fragment_at(place)][layer] = true;
  };
  auto of = place_of(lost);
  for (std::uint32_t layer = 0; layer < layers_; ++layer) {
    if (!wanted[layer])
      continue;
    auto read = with_digit(layer, row(of), column(of));
    if (is_coupled(of, layer))
      need(partner(of, layer).place, read);
    for (std::uint32_t place = 0; place < places(); ++place) {
      if (row(place) == row(of))
        continue;
      need(place, read);
      if (is_coupled(place, read)) {
        auto other = partner(place, read);
        need(other.place, other.layer);
      }
    }
  }
  return needed;
}

void layered_code::repair(std::uint32_t lost, const layer_set& wanted, std::size_t bytes,
                          const symbols& at, workspace& room) const {
  const mixture couple{1, gamma};
  const auto inverse = gf_inv(gamma);
  const mixture own_from_partner{inverse, inverse}; // of a partner's contribution and its symbol

  auto of = place_of(lost);
  std::vector<std::uint32_t> same_row;
  for (std::uint32_t x = 0; x < parity_; ++x)
    same_row.push_back(row(of) * parity_ + x);
  auto decoder = decoder_without(same_row);
  for (std::uint32_t read = 0; read < layers_; ++read) {
    if (is_coupled(of, read))
      continue;
    auto is_wanted = [&](std::uint32_t place) {
      return wanted[with_digit(read, row(of), column(place))];
    };
    if (std::ranges::none_of(same_row, is_wanted))
      continue;
    std::vector<const unsigned char*> from;
    for (auto place : decoder.sources()) {
      auto* own = stored(at, place, read, room);
      if (is_coupled(place, read)) {
        auto other = partner(place, read);
        auto* made = room.contribution(place, read);
        couple.run(bytes, own, stored(at, other.place, other.layer, room), made);
        own = made;
      }
      from.push_back(own);
    }
    std::vector<unsigned char*> to;
    for (auto place : same_row)
      to.push_back(room.contribution(place, read));
    decoder.run(bytes, from, to);
    for (auto place : same_row) {
      if (!is_wanted(place))
        continue;
      auto layer = with_digit(read, row(of), column(place));
      auto* made = room.contribution(place, read);
      if (place != of) {
        own_from_partner.run(bytes, made, stored(at, place, read, room), room.made_.data());
        made = room.made_.data();
      }
      at.take(lost, layer, made);
    }
  }
}

} // namespace atl::clay
