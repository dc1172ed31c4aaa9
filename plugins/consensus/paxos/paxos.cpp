#include "replica.hpp"

#include <atoll/spi/plugin.hpp>

namespace {

using atl::spi::option_type;

constexpr atl::spi::claim claims[] = {
    {"safe_with_crashes", "all"},    {"live_with_crashes", "minority"},
    {"linearizable_reads", "yes"},   {"changes_members", "yes"},
    {"transfers_leadership", "yes"}, {"quorum_options", "prepare_quorum,accept_quorum"},
};

constexpr atl::spi::option_spec options[] = {
    {"heartbeat", option_type::duration, "100ms", "1ms", "1m",
     "How often the leader tells the others that it lives, and repeats what may have got lost."},
    {"election_timeout", option_type::duration, "1s", "2ms", "10m",
     "After this silence of the leader, and up to as much again by lot, another one is elected."},
    {"read_timeout", option_type::duration, "2s", "1ms", "10m",
     "How long a read waits for a leader that is confirmed before it is refused."},
    {"prepare_quorum", option_type::integer, "0", "0", "64",
     "Voters that must promise before one leads; 0: a majority, or what meets accept_quorum."},
    {"accept_quorum", option_type::integer, "0", "0", "64",
     "Voters that must accept an entry to decide it; 0: a majority, or what meets prepare_quorum."},
    {"batch_bytes", option_type::size, "1MiB", "1KiB", "4MiB",
     "About as many bytes go into one message; a larger entry goes alone."},
    {"window_bytes", option_type::size, "8MiB", "1KiB", "64MiB",
     "Bytes under way to one replica before the leader waits for its answers."},
    {"max_in_flight", option_type::integer, "4096", "1", "65536",
     "Entries that are not yet committed; more proposals are refused as busy."},
    {"keep_entries", option_type::integer, "10000", "0", "10000000",
     "Applied entries that are kept so that a replica can catch up without a snapshot."},
    {"keep_bytes", option_type::size, "64MiB", "0", "16GiB",
     "Applied entries beyond this size are cut even if keep_entries would keep them."},
    {"log_bytes", option_type::size, "256MiB", "1MiB", "64GiB",
     "A log of this size takes no more proposals until this replica has applied what is in it."},
};

atl::spi::consensus* create(const atl::spi::consensus_setup& setup) {
  return new atl::paxos::replica{setup};
}

} // namespace

ATOLL_PLUGIN(consensus, paxos, 1, 0, 0){
    .summary = "Multi-Paxos: a stable leader, each index agreed upon by itself; quorums of any "
               "sizes that meet, changes of the group, reads by read index on every replica",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options,
    .create = create,
};
