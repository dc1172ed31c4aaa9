#include "storage/disk_choice.hpp"

#include <algorithm>
#include <numeric>

namespace dfs {

std::vector<std::size_t> choose_disks(std::span<const disk_room> disks, std::uint64_t needed,
                                      atl::spi::random_source& random) {
  std::vector<std::size_t> order;
  double total = 0;
  for (std::size_t i = 0; i < disks.size(); ++i)
    if (disks[i].is_used && disks[i].free >= needed) {
      order.push_back(i);
      total += static_cast<double>(disks[i].free);
    }
  if (order.size() < 2)
    return order;
  std::ranges::sort(order, [&](auto a, auto b) { return disks[a].free > disks[b].free; });
  auto drawn = random.unit() * total;
  auto first = order.begin();
  while (std::next(first) != order.end() && drawn >= static_cast<double>(disks[*first].free)) {
    drawn -= static_cast<double>(disks[*first].free);
    ++first;
  }
  std::rotate(order.begin(), first, std::next(first));
  return order;
}

} // namespace dfs
