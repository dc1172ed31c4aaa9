#pragma once

#include <cstdint>
#include <string_view>

namespace atl::sim {

/// In which way a run failed.
enum class violation_kind : std::uint8_t {
  none,
  divergence,            ///< two values at one index
  refused_yet_committed, ///< what was refused as surely not proposed is in the log
  committed_twice,       ///< one proposal at two indexes
  term_went_back,        ///< a replica forgot a term that it had made durable
  two_leaders,           ///< in one term
  interface_broken,      ///< an effect or answer that the interface doesn't allow
  threw,                 ///< an exception left the protocol
  unbounded,             ///< something grows, or spins, beyond its bound
  stopped_itself,        ///< the protocol said that it can't go on
  not_live,              ///< no answers or no agreement, long after all was healed
  not_linearizable,      ///< the clients' history has no order
};

/// `divergence`
std::string_view name_of(violation_kind kind);

} // namespace atl::sim
