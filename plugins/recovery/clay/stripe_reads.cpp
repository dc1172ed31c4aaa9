#include "stripe_reads.hpp"

#include <algorithm>
#include <vector>

namespace atl::clay {

namespace {

/// Reads within one stripe, and what they cost.
class stripe_reads {
 public:
  stripe_reads(const layer_layout& layout, const layer_layout::stripe& stripe,
               const lost_bytes& bytes)
      : layout_{layout}, stripe_{stripe}, bytes_{bytes} {}

  /// Reads these layers of the source.
  void add(const spi::source& from, const layer_set& layers) {
    auto own = layout_.cell_bytes(stripe_, from.fragment);
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      if (!layers[layer])
        continue;
      auto begin = std::min(own, layer * stripe_.piece_bytes + bytes_.begin);
      auto end = std::min(own, layer * stripe_.piece_bytes + bytes_.end);
      parts_.push_back({from.fragment, begin, end});
      cost_ += static_cast<double>(from.cost) * static_cast<double>(end - begin);
    }
  }

  double cost() const { return cost_; }

  void add_to(coded::read_list& reads) const {
    for (auto& part : parts_)
      reads.add(part.fragment, stripe_.fragment_begin + part.begin,
                stripe_.fragment_begin + part.end);
  }

 private:
  const layer_layout& layout_;
  const layer_layout::stripe& stripe_;
  const lost_bytes& bytes_;
  std::vector<cell_part> parts_;
  double cost_ = 0;
};

} // namespace

bool add_reads(const layered_code& code, const layer_layout& layout,
               const layer_layout::stripe& stripe, std::span<const cell_part> wanted,
               std::span<const spi::source> sources, coded::read_list& reads) {
  std::vector<cell_part> lost;
  for (auto& part : wanted)
    if (std::ranges::find(sources, part.fragment, &spi::source::fragment) != sources.end())
      reads.add(part.fragment, stripe.fragment_begin + part.begin,
                stripe.fragment_begin + part.end);
    else
      lost.push_back(part);
  if (lost.empty())
    return true;
  if (sources.size() < code.data())
    return false;
  auto bytes = bytes_of(lost, code.layers(), stripe.piece_bytes);
  std::vector<spi::source> ranked(sources.begin(), sources.end());
  std::ranges::stable_sort(ranked, {}, &spi::source::cost);
  stripe_reads all_layers{layout, stripe, bytes};
  for (std::uint32_t i = 0; i < code.data(); ++i)
    all_layers.add(ranked[i], layer_set(code.layers(), true));
  auto* best = &all_layers;
  stripe_reads some_layers{layout, stripe, bytes};
  if (lost.size() == 1 && sources.size() + 1 == code.total()) {
    auto needed = code.needed(lost.front().fragment, bytes.layers);
    for (auto& source : sources)
      some_layers.add(source, needed[source.fragment]);
    if (some_layers.cost() < all_layers.cost())
      best = &some_layers;
  }
  best->add_to(reads);
  return true;
}

} // namespace atl::clay
