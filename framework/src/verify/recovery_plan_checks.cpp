#include "recovery_plan_checks.hpp"

#include "growth.hpp"

#include <fmt/format.h>

#include <map>
#include <vector>

namespace atl::verify::plans {

namespace {

/// Reports on chunks that all lack a fragment, if they can be read without it.
std::vector<spi::chunk_report> reports_on(const spi::fragment_layout& layout, std::size_t chunks) {
  std::vector<spi::chunk_report> reports(chunks);
  std::uint64_t node = 0;
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    reports[chunk].chunk = chunk;
    for (std::uint32_t i = 0; i < layout.total; ++i) {
      auto gone = i == chunk % layout.total && layout.total > layout.needed;
      reports[chunk].fragments.push_back(
          {i, 1 + node++ % 1'000, gone ? spi::fragment_state::missing : spi::fragment_state::ok});
    }
  }
  return reports;
}

} // namespace

finding take_time_in_proportion(const spi::recovery& scheme) {
  constexpr growth_limit limit{2'000, 40'000, 120}; // 20 times as many
  std::map<std::size_t, std::vector<spi::chunk_report>> reports;
  for (auto size : {limit.small, limit.large})
    reports[size] = reports_on(scheme.layout(), size);
  auto wrong = grows_too_fast(limit, 1, [&](std::size_t size) { scheme.plan(reports[size]); });
  return wrong ? finding{"plans in a time that " + *wrong + ", in chunks"} : std::nullopt;
}

finding repair_many_chunks(const spi::recovery& scheme, std::uint64_t seed) {
  constexpr std::uint64_t chunks = 100'000;
  spi::random_source random{seed};
  properties::fragment_model model{scheme, std::make_shared<properties::loss_tolerance>(scheme),
                                   random.next() >> 1};
  auto damaged = std::uint64_t{0};
  for (std::uint64_t i = 0; i < chunks; ++i) {
    auto chunk = model.add_healthy_chunk();
    if (!random.chance(0.2))
      continue;
    ++damaged;
    auto& fragments = model.fragments(chunk);
    auto lost = fragments.begin();
    std::advance(lost, random.below(fragments.size()));
    lost->second = random.chance(0.5) ? spi::fragment_state::missing : spi::fragment_state::corrupt;
  }
  if (auto wrong = properties::plans_until_healthy(scheme, model))
    return fmt::format("{}, with {} of {} chunks damaged", *wrong, damaged, chunks);
  return std::nullopt;
}

} // namespace atl::verify::plans
