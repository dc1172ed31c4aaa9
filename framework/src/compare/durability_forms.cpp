#include <atoll/compare/availability.hpp>
#include <atoll/compare/durability_forms.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace atl::compare {

namespace {

/// Ways to choose `chosen` of `all`.
double ways(std::uint32_t all, std::uint32_t chosen) {
  if (chosen > all)
    return 0;
  double out = 1;
  for (std::uint32_t i = 1; i <= chosen; ++i)
    out = out * (all - chosen + i) / i;
  return out;
}

/// Sets of nodes out of `possible` that are hit by `draws` draws of `each` of them.
double distinct_sets(double possible, double each, double draws) {
  return each >= possible ? possible : -possible * std::expm1(draws * std::log1p(-each / possible));
}

} // namespace

double mean_time_to_loss(const chunk_chain& chain) {
  double total = 0, step = 0; // `step`: mean time from i to i + 1 lost fragments
  for (std::uint32_t lost = 0; lost <= chain.survives; ++lost) {
    auto failures = (chain.fragments - lost) * chain.failure_rate;
    step = 1 / failures + lost * chain.repair_rate / failures * step;
    total += step;
  }
  return total;
}

double loss_probability(double mean_time, double time) {
  return -std::expm1(-time / mean_time);
}

double sets_within_zones(std::uint32_t nodes, std::uint32_t zones, std::uint32_t size,
                         std::uint32_t per_zone) {
  std::vector<double> sets(size + 1); // by size, of the zones so far
  sets[0] = 1;
  for (std::uint32_t zone = 0; zone < zones; ++zone) {
    auto members = nodes / zones + (zone < nodes % zones ? 1 : 0);
    for (auto made = size; made > 0; --made)
      for (std::uint32_t here = 1; here <= std::min(per_zone, made); ++here)
        sets[made] += sets[made - here] * ways(members, here);
  }
  return sets[size];
}

std::uint32_t fragments_in_zone(std::uint32_t fragments, std::uint32_t zones,
                                std::uint32_t per_domain_max) {
  return std::max(per_domain_max, (fragments + zones - 1) / zones);
}

double repair_receivers(std::uint32_t nodes, std::uint32_t zones, std::uint32_t fragments,
                        std::uint32_t per_domain_max) {
  auto is_full = fragments >= zones * fragments_in_zone(fragments, zones, per_domain_max);
  return std::max(1.0, is_full && zones > 1 ? static_cast<double>(nodes) / zones : nodes - 1.0);
}

std::uint64_t copyset_count(std::uint32_t nodes, std::uint32_t scatter_width,
                            std::uint32_t fragments) {
  auto others = std::max(1u, fragments - 1);
  std::uint64_t permutations = (scatter_width + others - 1) / others;
  return permutations * ((nodes + fragments - 1) / fragments);
}

double enough_up_probability(std::uint32_t all, std::uint32_t needed, double down) {
  double sum = 0;
  for (std::uint32_t failed = 0; failed + needed <= all; ++failed)
    sum += down_probability(all, failed, down);
  return std::min(1.0, sum);
}

probability_interval wilson_interval(std::uint64_t happened, std::uint64_t tried) {
  constexpr double z = 1.959963984540054; // the normal distribution has 95 % within +- z
  auto n = static_cast<double>(tried);
  auto share = static_cast<double>(happened) / n;
  auto middle = share + z * z / (2 * n);
  auto half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  auto scale = 1 + z * z / n;
  return {happened == 0 ? 0 : std::max(0.0, (middle - half) / scale),
          happened == tried ? 1 : std::min(1.0, (middle + half) / scale)};
}

durability_form durability_form_of(const durability_model& model, const scheme_shape& shape) {
  durability_form out;
  auto chunks = static_cast<double>(model.chunks);
  auto is_random = model.spread == chunk_spread::random;
  auto sets = is_random ? chunks
                        : std::min(chunks, static_cast<double>(copyset_count(
                                               model.nodes, model.scatter_width, shape.fragments)));
  // Randomly spread, all other nodes receive what one node held; a set's chunks go to one node.
  auto bytes = is_random ? chunks * shape.fragments / model.nodes * shape.rebuild_bytes
                         : chunks / sets * shape.rebuild_bytes;
  auto receivers =
      is_random ? repair_receivers(model.nodes, model.zones, shape.fragments, shape.per_domain_max)
                : 1.0;
  out.node_rebuild = bytes / (receivers * model.repair_rate);

  auto zone_limit = fragments_in_zone(shape.fragments, model.zones, shape.per_domain_max);
  auto possible =
      std::max(1.0, sets_within_zones(model.nodes, model.zones, shape.survives + 1, zone_limit));
  auto in_chunk = ways(shape.fragments, shape.survives + 1);
  out.fatal_sets = distinct_sets(possible, in_chunk, sets);
  out.chunks_a_fatal_set = std::max(1.0, chunks * in_chunk / out.fatal_sets);

  chunk_chain chain{shape.fragments, shape.survives, 1 / model.node_mttf, 0};
  auto mean_time = [&](double share_of_rebuild) {
    auto repair = model.detection + out.node_rebuild * share_of_rebuild;
    chain.repair_rate = 1 / std::max(repair, 1e-9);
    return mean_time_to_loss(chain);
  };
  out.chunk_mean_time = mean_time(0.5);
  out.chunk_loss = loss_probability(out.chunk_mean_time, model.run_seconds());
  // Of the chunks that share a set the last one that is rebuilt decides.
  auto last = out.chunks_a_fatal_set / (out.chunks_a_fatal_set + 1);
  auto losses = out.fatal_sets / in_chunk / mean_time(last); // a second
  out.loss = loss_probability(1 / losses, model.run_seconds());
  out.recovered = 1 - std::min(1.0, losses * model.node_mttf / model.nodes);
  return out;
}

} // namespace atl::compare
