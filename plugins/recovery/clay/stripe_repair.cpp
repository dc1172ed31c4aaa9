#include "stripe_repair.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace atl::clay {

namespace {

/// What was read of one stripe.
class read_cells {
 public:
  read_cells(const layer_layout& layout, const layer_layout::stripe& stripe,
             std::span<const spi::piece> pieces)
      : layout_{layout}, stripe_{stripe}, pieces_{pieces} {}

  /// The part as it was read, in one piece; none if it wasn't.
  std::optional<std::string_view> find(const cell_part& part) const {
    auto begin = stripe_.fragment_begin + part.begin, bytes = part.end - part.begin;
    for (auto& each : pieces_)
      if (each.from.fragment == part.fragment && each.bytes.size() == each.from.length &&
          each.from.offset <= begin && begin - each.from.offset <= each.from.length &&
          bytes <= each.from.length - (begin - each.from.offset))
        return each.bytes.substr(begin - each.from.offset, bytes);
    return std::nullopt;
  }

  /// What the fragment has of the same bytes of a layer; the rest counts as zeros. None: it wasn't
  /// read.
  std::optional<std::string_view> find(std::uint32_t fragment, std::size_t layer,
                                       const lost_bytes& bytes) const {
    auto own = layout_.cell_bytes(stripe_, fragment);
    cell_part part{fragment, std::min(own, layer * stripe_.piece_bytes + bytes.begin),
                   std::min(own, layer * stripe_.piece_bytes + bytes.end)};
    return part.begin == part.end ? std::string_view{} : find(part);
  }

 private:
  const layer_layout& layout_;
  const layer_layout::stripe& stripe_;
  std::span<const spi::piece> pieces_;
};

/// The bytes of the symbols from which lost ones are made.
class known_symbols {
 public:
  known_symbols(std::uint32_t fragments, std::uint32_t layers)
      : layers_{layers}, symbols_(std::size_t{fragments} * layers) {}

  /// Finds these layers of a fragment. @returns false if some weren't read
  bool add(const read_cells& cells, std::uint32_t fragment, const layer_set& layers,
           const lost_bytes& bytes) {
    for (std::uint32_t layer = 0; layer < layers_; ++layer) {
      if (!layers[layer])
        continue;
      auto found = cells.find(fragment, layer, bytes);
      if (!found)
        return false;
      symbols_[std::size_t{fragment} * layers_ + layer].bytes = *found;
    }
    return true;
  }

  /// A window of a symbol. Null: it is zeros.
  const unsigned char* window(std::uint32_t fragment, std::uint32_t layer, std::size_t at,
                              std::size_t bytes) {
    auto& [own, filled] = symbols_[std::size_t{fragment} * layers_ + layer];
    if (at >= own.size())
      return nullptr;
    auto window = own.substr(at, bytes);
    if (window.size() < bytes) {
      filled.assign(window);
      filled.resize(bytes);
      window = filled;
    }
    return reinterpret_cast<const unsigned char*>(window.data());
  }

 private:
  struct symbol {
    std::string_view bytes; ///< up to where the fragment's cell ends
    std::string filled;     ///< a window in which it ends
  };
  std::uint32_t layers_;
  std::vector<symbol> symbols_;
};

/// A way to make lost cells.
struct recipe {
  known_symbols symbols;
  std::vector<std::uint32_t> lost; ///< empty: only some layers of a single one are made
};

std::optional<recipe> recipe_for(const layered_code& code, const read_cells& cells,
                                 std::span<const cell_part> lost, const lost_bytes& bytes) {
  if (lost.size() == 1) {
    recipe some_layers{{code.total(), code.layers()}, {}};
    auto needed = code.needed(lost.front().fragment, bytes.layers);
    auto is_read = true;
    for (std::uint32_t fragment = 0; fragment < code.total() && is_read; ++fragment)
      is_read = some_layers.symbols.add(cells, fragment, needed[fragment], bytes);
    if (is_read)
      return some_layers;
  }
  recipe all_layers{{code.total(), code.layers()}, {}};
  const layer_set all(code.layers(), true);
  for (std::uint32_t fragment = 0; fragment < code.total(); ++fragment)
    if (std::ranges::find(lost, fragment, &cell_part::fragment) != lost.end() ||
        !all_layers.symbols.add(cells, fragment, all, bytes))
      all_layers.lost.push_back(fragment);
  if (code.total() - all_layers.lost.size() < code.data())
    return std::nullopt;
  return all_layers;
}

} // namespace

bool make_parts(const layered_code& code, const layer_layout& layout,
                const layer_layout::stripe& stripe, std::span<const cell_part> wanted,
                std::span<const spi::piece> pieces,
                const std::function<void(const cell_part& part, std::size_t begin,
                                         std::string_view bytes)>& take) {
  read_cells cells{layout, stripe, pieces};
  std::vector<cell_part> lost;
  for (auto& part : wanted)
    if (auto there = cells.find(part))
      take(part, part.begin, *there);
    else
      lost.push_back(part);
  if (lost.empty())
    return true;
  auto bytes = bytes_of(lost, code.layers(), stripe.piece_bytes);
  auto found = recipe_for(code, cells, lost, bytes);
  if (!found)
    return false;
  auto window_max = std::min(code.symbol_bytes_max(), bytes.end - bytes.begin);
  layered_code::workspace room{code, window_max};
  for (auto at = bytes.begin; at < bytes.end; at += window_max) {
    auto count = std::min(window_max, bytes.end - at);
    layered_code::symbols symbols;
    symbols.known = [&](std::uint32_t fragment, std::uint32_t layer) {
      return found->symbols.window(fragment, layer, at - bytes.begin, count);
    };
    symbols.take = [&](std::uint32_t fragment, std::uint32_t layer, const unsigned char* made) {
      auto begin = layer * stripe.piece_bytes + at;
      for (auto& part : lost) {
        auto first = std::max(part.begin, begin), last = std::min(part.end, begin + count);
        if (part.fragment == fragment && first < last)
          take(part, first, {reinterpret_cast<const char*>(made) + (first - begin), last - first});
      }
    };
    if (found->lost.empty())
      code.repair(lost.front().fragment, bytes.layers, count, symbols, room);
    else
      code.decode(found->lost, count, symbols, room);
  }
  return true;
}

} // namespace atl::clay
