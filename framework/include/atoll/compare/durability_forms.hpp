#pragma once

#include <atoll/compare/durability_model.hpp>

#include <cstdint>

namespace atl::compare {

// Formulas of how likely redundant data is lost. Failures are independent of each other and of
// time.

/// The states of one chunk by the number i of its fragments that are lost: another fragment is lost
/// at the rate (fragments - i) x failure_rate, one is rebuilt at the rate i x repair_rate, and the
/// chunk is lost for good once `survives` + 1 fragments are.
struct chunk_chain {
  std::uint32_t fragments = 1;
  std::uint32_t survives = 0; ///< below `fragments`
  double failure_rate = 0;    ///< of a node, above 0
  double repair_rate = 0;     ///< of a fragment
};

/// Mean time from a chunk with all fragments to its loss, exactly.
double mean_time_to_loss(const chunk_chain& chain);
/// Probability of a loss within `time`, if losses come at the rate 1 / `mean_time`.
double loss_probability(double mean_time, double time);

/// Number of sets of `size` nodes, of which no zone has more than `per_zone`.
double sets_within_zones(std::uint32_t nodes, std::uint32_t zones, std::uint32_t size,
                         std::uint32_t per_zone);
/// How many fragments of a chunk one zone gets: `per_domain_max`, or more where the zones are too
/// few for that.
std::uint32_t fragments_in_zone(std::uint32_t fragments, std::uint32_t zones,
                                std::uint32_t per_domain_max);
/// Nodes that receive what one node has lost, of chunks that are spread at random: all others, or
/// those of its zone alone where each zone has as many fragments of a chunk as it may.
double repair_receivers(std::uint32_t nodes, std::uint32_t zones, std::uint32_t fragments,
                        std::uint32_t per_domain_max);
/// Number of sets of nodes that copysets of so many nodes are.
std::uint64_t copyset_count(std::uint32_t nodes, std::uint32_t scatter_width,
                            std::uint32_t fragments);

/// Probability that at least `needed` of `all` nodes are up, if each is down with probability
/// `down`.
double enough_up_probability(std::uint32_t all, std::uint32_t needed, double down);

struct probability_interval {
  double low = 0;
  double high = 1;
};
/// The 95 % interval of a probability from how often something happened (Wilson 1927).
/// @pre `tried` is above 0
probability_interval wilson_interval(std::uint64_t happened, std::uint64_t tried);

/// What the formulas need to know of a scheme.
struct scheme_shape {
  std::uint32_t fragments = 1;
  std::uint32_t survives = 0;       ///< any losses of so many; below `fragments`
  std::uint32_t per_domain_max = 1; ///< fragments of a chunk in one zone
  double rebuild_bytes = 0;         ///< received to rebuild one fragment, on average
};

/// What the formulas say of a scheme in a cluster.
struct durability_form {
  double node_rebuild = 0;       ///< seconds to rebuild what a node held, once that has begun
  double chunk_mean_time = 0;    ///< mean time to the loss of one chunk, in seconds
  double chunk_loss = 0;         ///< probability in a run's time
  double fatal_sets = 0;         ///< sets of nodes whose loss at the same time loses a chunk
  double chunks_a_fatal_set = 0; ///< chunks that such a set shares, on average; at least 1
  double loss = 0;               ///< probability in a run's time that any chunk is lost
  double recovered = 0;          ///< probability that no chunk is lost after a failure of a node
};

/// @pre the cluster has nodes for all fragments of a chunk
durability_form durability_form_of(const durability_model& model, const scheme_shape& shape);

} // namespace atl::compare
