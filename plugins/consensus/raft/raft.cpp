#include "replica.hpp"

#include <atoll/spi/plugin.hpp>

namespace {

using atl::spi::option_scope;
using atl::spi::option_type;

constexpr atl::spi::claim claims[] = {
    {"safe_with_crashes", "all"},    {"live_with_crashes", "minority"},
    {"linearizable_reads", "yes"},   {"rebuilds_state", "yes"},
    {"changes_members", "yes"},      {"transfers_leadership", "yes"},
    {"trusts_clocks_with", "lease"},
};

namespace specs = atl::leader_based::option_specs;

/// None of these must agree within a group. A voter's response says how long the voter promises to
/// elect nobody else (nothing, with `lease` off), and a leader counts on what voters promise, by
/// its own `clock_drift`.
constexpr atl::spi::option_spec options[] = {
    specs::heartbeat,
    specs::election_timeout,
    specs::read_timeout,
    {"lease", option_type::boolean, "false", "", "",
     "Whether a leader that a majority answered a moment ago reads without asking it again. Then "
     "reads are linearizable only while clocks keep to clock_drift.",
     option_scope::member},
    {"clock_drift", option_type::integer, "250000", "0", "100000000",
     "With lease: by how many millionths one replica's clock may run faster than another's.",
     option_scope::member},
    specs::batch_bytes,
    specs::window_bytes,
    specs::in_flight_max,
    specs::keep_entries,
    specs::keep_bytes,
    specs::log_bytes,
};

atl::spi::consensus* create(const atl::spi::consensus_setup& setup) {
  return new atl::raft::replica{setup};
}

} // namespace

ATOLL_PLUGIN(consensus, raft, 1, 0, 0){
    .summary = "Raft: an elected leader orders the log, a majority decides; pre-vote, joint "
               "membership changes, reads by read index on every replica",
    .licence = "Apache-2.0",
    .protocol_versions = {1, 1},
    .claims = claims,
    .options = options,
    .create = create,
};
