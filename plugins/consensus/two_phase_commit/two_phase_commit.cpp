#include "replica.hpp"

#include <atoll/spi/plugin.hpp>

namespace {

using atl::spi::option_type;

constexpr atl::spi::claim claims[] = {
    {"safe_with_crashes", "all"},     {"live_with_crashes", "none"}, {"linearizable_reads", "yes"},
    {"blocks_on_one_failure", "yes"}, {"changes_members", "yes"},
};

constexpr atl::spi::option_spec options[] = {
    {"heartbeat", option_type::duration, "100ms", "1ms", "1m",
     "How often replicas tell each other that they live, and repeat what may have got lost."},
    {"failure_timeout", option_type::duration, "1s", "2ms", "10m",
     "After this silence a replica counts as down, and writes are refused at once."},
    {"vote_timeout", option_type::duration, "1s", "1ms", "10m",
     "A proposal that some participant hasn't voted on by then is aborted."},
    {"read_timeout", option_type::duration, "2s", "1ms", "10m",
     "How long a read waits for indexes in doubt before it is refused."},
    {"batch_bytes", option_type::size, "1MiB", "1KiB", "7MiB",
     "About as many bytes go into one message; a larger entry goes alone."},
    {"max_in_flight", option_type::integer, "1024", "1", "65536",
     "Proposals under way at once; more are refused as busy."},
    {"keep_entries", option_type::integer, "10000", "0", "10000000",
     "Applied entries that are kept so that a replica can catch up without a snapshot."},
    {"keep_bytes", option_type::size, "64MiB", "0", "16GiB",
     "Applied entries beyond this size are cut even if keep_entries would keep them."},
    {"log_bytes", option_type::size, "256MiB", "1MiB", "64GiB",
     "A log of this size takes no more proposals until the replicas have applied what is in it."},
    {"lost_decisions", option_type::text, "block", "", "block|commit|abort",
     "What becomes of indexes whose decision was lost with the coordinator's disk; commit and "
     "abort may contradict what a client was told."},
};

atl::spi::consensus* create(const atl::spi::consensus_setup& setup) {
  return new atl::two_phase::replica{setup};
}

} // namespace

ATOLL_PLUGIN(consensus, two_phase_commit, 1, 0, 0){
    .summary = "A write-all replicated log: every voter votes on every entry, one of them decides; "
               "each of them answers reads by itself",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options,
    .create = create,
};
