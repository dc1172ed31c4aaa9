#pragma once

#include <atoll/sim/simulation.hpp>

#include <vector>

namespace atl::sim {

/// A factory of protocols that know replica n by `ids[n - 1]`, while their host numbers replicas 1,
/// 2, 3, … Messages, records and reasons keep the protocol's ids.
/// @param ids one for each replica and spare, all different and none 0.
consensus_factory with_ids(consensus_factory factory, std::vector<spi::replica_id> ids);

} // namespace atl::sim
