#include "protocol_version.hpp"
#include "replica.hpp"

#include <atoll/spi/plugin.hpp>

namespace {

using atl::spi::option_scope;
using atl::spi::option_type;
using atl::two_phase::protocol_version;

constexpr atl::spi::claim claims[] = {
    {"safe_with_crashes", "all"},     {"live_with_crashes", "none"}, {"linearizable_reads", "yes"},
    {"blocks_on_one_failure", "yes"}, {"changes_members", "yes"},    {"rebuilds_state", "no"},
};

constexpr atl::spi::option_spec options[] = {
    {"heartbeat", option_type::duration, "100ms", "1ms", "1m",
     "Interval of heartbeats and of resending messages that may have been lost.",
     option_scope::member},
    {"failure_timeout", option_type::duration, "1s", "2ms", "10m",
     "A replica that is silent for this long counts as down, and writes are refused at once.",
     option_scope::member},
    {"vote_timeout", option_type::duration, "1s", "1ms", "10m",
     "A proposal without the votes of all participants is aborted after this time.",
     option_scope::member},
    {"read_timeout", option_type::duration, "2s", "1ms", "10m",
     "How long a read waits for entries in doubt before it is refused.", option_scope::member},
    {"batch_bytes", option_type::size, "1MiB", "1KiB", "7MiB",
     "Approximate size limit of a message; a larger entry is sent alone.", option_scope::member},
    // Must agree: it bounds the indexes that a message may name, so a participant with a smaller
    // value drops what a coordinator with a greater one sends, and writes fail.
    {"max_in_flight", option_type::integer, "1024", "1", "65536",
     "Proposals in flight at once; further ones are refused as busy.", option_scope::group},
    {"keep_entries", option_type::integer, "10000", "0", "10000000",
     "Applied entries kept so that a replica can catch up without a snapshot.",
     option_scope::member},
    {"keep_bytes", option_type::size, "64MiB", "0", "16GiB",
     "Applied entries beyond this size are cut even if keep_entries would keep them.",
     option_scope::member},
    {"log_bytes", option_type::size, "256MiB", "1MiB", "64GiB",
     "A log of this size accepts no proposals until the replicas have applied its entries.",
     option_scope::member},
    // An order for one start of one replica: the replica that coordinates decides, durably, and the
    // others learn the decision.
    {"lost_decisions", option_type::text, "block", "", "block|commit|abort",
     "How to decide entries whose decision was lost with the coordinator's disk; commit and "
     "abort may contradict what a client was told.",
     option_scope::member},
};

atl::spi::consensus* create(const atl::spi::consensus_setup& setup) {
  return new atl::two_phase::replica{setup};
}

} // namespace

ATOLL_PLUGIN(consensus, two_phase_commit, 1, 0, 0){
    .summary = "A write-all replicated log: every voter votes on every entry, the coordinator "
               "decides; every voter serves reads locally",
    .licence = "Apache-2.0",
    .protocol_versions = {protocol_version, protocol_version},
    .claims = claims,
    .options = options,
    .create = create,
};
