#include "replica.hpp"

namespace {

using namespace atl::spi;

constexpr claim claims[] = {
    {"safe_with_crashes", "all"},     {"live_with_crashes", "none"}, {"linearizable_reads", "yes"},
    {"blocks_on_one_failure", "yes"}, {"changes_members", "no"},     {"transfers_leadership", "no"},
};

constexpr option_spec declared[] = {
    {"heartbeat", option_type::duration, "100ms", "10ms", "1s",
     "Interval of heartbeats, and of sending again what may have been lost"},
    {"failure_timeout", option_type::duration, "1s", "20ms", "1m",
     "A replica that is silent for so long counts as down, and writes are refused"},
    {"backlog", option_type::size, "64MiB", "8MiB", "1GiB",
     "Commands of so many bytes may wait to be committed; others are refused as busy"},
};

} // namespace

ATOLL_PLUGIN(consensus, @NAME@, 0, 1, 0){
    .summary = "A fixed leader commits what every replica has",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const consensus_setup& setup) -> consensus* { return new replica{setup}; },
};
