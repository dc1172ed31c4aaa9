#pragma once

#include <cstdint>
#include <string_view>

namespace atl::sim {

/// The way in which a run failed.
enum class violation_kind : std::uint8_t {
  none,
  divergence,            ///< two values at one index
  refused_yet_committed, ///< a proposal refused as not proposed was committed
  committed_twice,       ///< one proposal at two indexes
  term_went_back,        ///< a replica lost a term that was durable
  two_leaders,           ///< two leaders in one term
  interface_broken,      ///< an effect or answer violates the interface
  threw,                 ///< an exception left the protocol
  unbounded,             ///< a queue or a loop exceeded its limit
  stopped_itself,        ///< the protocol reported a fatal error
  not_live,              ///< no answers or no agreement within the liveness bound
  not_linearizable,      ///< the clients' history is not linearizable
  service_broken,        ///< what is replicated breaks a promise, though the log is right
};

/// `divergence`
std::string_view name_of(violation_kind kind);

} // namespace atl::sim
