#include "read_list.hpp"

#include <algorithm>
#include <tuple>

namespace atl::coded {

void read_list::add(std::uint32_t fragment, std::size_t begin, std::size_t end) {
  if (begin < end)
    ranges_.push_back({fragment, begin, end - begin});
}

std::vector<spi::fragment_range> read_list::merged() const {
  auto sorted = ranges_;
  std::ranges::sort(sorted, [](auto& a, auto& b) {
    return std::tie(a.fragment, a.offset) < std::tie(b.fragment, b.offset);
  });
  std::vector<spi::fragment_range> reads;
  for (auto& each : sorted) {
    if (reads.empty() || reads.back().fragment != each.fragment ||
        reads.back().offset + reads.back().length < each.offset) {
      reads.push_back(each);
      continue;
    }
    auto& last = reads.back();
    last.length = std::max(last.length, each.offset + each.length - last.offset);
  }
  return reads;
}

} // namespace atl::coded
