#include "replica.hpp"

#include <atoll/spi/plugin.hpp>

namespace {

using atl::spi::option_scope;
using atl::spi::option_type;

constexpr atl::spi::claim claims[] = {
    {"safe_with_crashes", "all"},
    {"live_with_crashes", "minority"},
    {"linearizable_reads", "yes"},
    {"rebuilds_state", "yes"},
    {"changes_members", "yes"},
    {"transfers_leadership", "yes"},
    {"quorum_options", "prepare_quorum,accept_quorum"},
};

namespace specs = atl::leader_based::option_specs;

constexpr atl::spi::option_spec options[] = {
    specs::heartbeat,
    specs::election_timeout,
    specs::read_timeout,
    // The sizes of the quorums must agree: a leader with other sizes could miss an entry that was
    // committed by a quorum that its own quorum doesn't meet.
    {"prepare_quorum", option_type::integer, "0", "0", "64",
     "Voters that must promise before one leads; 0: a majority, or what meets accept_quorum.",
     option_scope::group},
    {"accept_quorum", option_type::integer, "0", "0", "64",
     "Voters that must accept an entry to commit it; 0: a majority, or what meets prepare_quorum.",
     option_scope::group},
    specs::batch_bytes,
    specs::window_bytes,
    specs::in_flight_max,
    specs::keep_entries,
    specs::keep_bytes,
    specs::log_bytes,
};

atl::spi::consensus* create(const atl::spi::consensus_setup& setup) {
  return new atl::paxos::replica{setup};
}

} // namespace

ATOLL_PLUGIN(consensus, paxos, 1, 0, 0){
    .summary = "Multi-Paxos: a stable leader, each index agreed upon by itself; quorums of any "
               "sizes that meet, changes of the group, reads by read index on every replica",
    .licence = "Apache-2.0",
    .protocol_versions = {1, 1},
    .claims = claims,
    .options = options,
    .create = create,
};
