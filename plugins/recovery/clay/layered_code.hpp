#pragma once

#include "../common/linear_code.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace atl::clay {

/// Layers of a cell, by number.
using layer_set = std::vector<bool>;

/// The coupled-layer code of Vajha et al. (*Clay Codes*, FAST 2018) with d = `data` + `parity` - 1
/// helpers. Each fragment has a symbol in each of q^t layers, q = `parity`, t = ⌈(data + parity) /
/// q⌉. Fragments stand in a grid of q columns and t rows, and a layer has a number of t digits in
/// base q.
///
/// The symbols C that are stored are coupled: the fragment in column x and row y is coupled in
/// layer z with the fragment in column z_y of that row, in the layer z with the digit x in its
/// place, if z_y ≠ x. With γ = 2, U = C + γ·C' is what the symbol contributes to its layer, C'
/// being its partner's; a symbol that has no partner contributes itself. In every layer the
/// contributions are a word of a code of which any `data` symbols make all others (the paper's MDS
/// code). Places of the grid without a fragment count as data of zeros.
///
/// Immutable and thread-safe.
class layered_code {
 public:
  static constexpr std::uint32_t layers_max = 256;

  /// q^t; more than `layers_max` if there are too many for this class.
  static std::uint32_t layers_of(std::uint32_t data, std::uint32_t parity);

  /// @param data 1 or more. @param parity 2 or more
  /// @pre `layers_of` gives at most `layers_max`
  layered_code(std::uint32_t data, std::uint32_t parity);

  std::uint32_t data() const { return data_; }
  std::uint32_t total() const { return data_ + parity_; }
  std::uint32_t layers() const { return layers_; }

  /// Where the bytes of a symbol are, and where those that are made go.
  struct symbols {
    /// The bytes of a fragment in a layer. Null: they are zeros.
    std::function<const unsigned char*(std::uint32_t fragment, std::uint32_t layer)> known;
    /// Takes a symbol that was made.
    std::function<void(std::uint32_t fragment, std::uint32_t layer, const unsigned char* bytes)>
        take;
  };

  /// Room for the contributions, to be used again and again by one thread.
  class workspace {
   public:
    /// @param bytes of a symbol at most
    workspace(const layered_code& code, std::size_t bytes);

   private:
    friend class layered_code;
    unsigned char* contribution(std::uint32_t place, std::uint32_t layer) {
      return room_.get() + (std::size_t{place} * layers_ + layer) * bytes_;
    }
    std::uint32_t layers_;
    std::size_t bytes_;
    std::unique_ptr<unsigned char[]> room_;
    std::vector<unsigned char> zeros_;
    std::vector<unsigned char> made_;
  };

  /// Symbols of up to this many bytes keep a workspace small.
  std::size_t symbol_bytes_max() const;

  /// Makes all layers of the lost fragments out of all layers of the others.
  /// @param lost different fragments, `parity` at most
  void decode(std::span<const std::uint32_t> lost, std::size_t bytes, const symbols& at,
              workspace& room) const;

  /// Which layers of each other fragment it takes to make some layers of one.
  /// @returns a set for each fragment
  std::vector<layer_set> needed(std::uint32_t lost, const layer_set& wanted) const;

  /// Makes layers of one fragment, out of the layers of all others that `needed` names.
  void repair(std::uint32_t lost, const layer_set& wanted, std::size_t bytes, const symbols& at,
              workspace& room) const;

 private:
  /// A place of the grid and a layer.
  struct vertex {
    std::uint32_t place = 0;
    std::uint32_t layer = 0;
  };
  /// a·first + b·second.
  struct mixture;

  std::uint32_t place_of(std::uint32_t fragment) const {
    return fragment < data_ ? fragment : fragment + empty_places_;
  }
  bool is_empty(std::uint32_t place) const {
    return place >= data_ && place < data_ + empty_places_;
  }
  std::uint32_t fragment_at(std::uint32_t place) const {
    return place < data_ ? place : place - empty_places_;
  }
  std::uint32_t places() const { return code_.total(); }
  std::uint32_t column(std::uint32_t place) const { return place % parity_; }
  std::uint32_t row(std::uint32_t place) const { return place / parity_; }
  std::uint32_t digit(std::uint32_t layer, std::uint32_t row) const {
    return layer / weights_[row] % parity_;
  }
  std::uint32_t with_digit(std::uint32_t layer, std::uint32_t row, std::uint32_t value) const {
    return layer + value * weights_[row] - digit(layer, row) * weights_[row];
  }
  /// @pre the two are coupled: the place's column isn't the layer's digit of its row
  vertex partner(std::uint32_t place, std::uint32_t layer) const;
  bool is_coupled(std::uint32_t place, std::uint32_t layer) const {
    return column(place) != digit(layer, row(place));
  }
  const unsigned char* stored(const symbols& at, std::uint32_t place, std::uint32_t layer,
                              const workspace& room) const;
  /// Those places of `places` from which the others follow in each layer.
  coded::linear_code::decoder decoder_without(std::span<const std::uint32_t> places) const;

  std::uint32_t data_;
  std::uint32_t parity_; ///< q
  std::uint32_t empty_places_;
  std::uint32_t layers_ = 1;
  std::vector<std::uint32_t> weights_; ///< of each digit, q^row
  coded::linear_code code_;            ///< of each layer
};

} // namespace atl::clay
