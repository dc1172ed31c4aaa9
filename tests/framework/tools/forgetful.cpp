// A protocol that fails: one replica, and nothing that it wrote down counts once it has crashed.
#include "../sim/toy_log.hpp"

using namespace atl::spi;

ATOLL_PLUGIN(consensus, forgetful, 1, 0, 0) = {
    .kind = plugin_kind::consensus,
    .name = "forgetful",
    .version = "1.0.0",
    .summary = "Forgets its log, for tests of what finds that",
    .licence = "MIT",
    .claims = nullptr,
    .claim_count = 0,
    .options = nullptr,
    .option_count = 0,
    .create_consensus = [](const consensus_setup&) -> consensus* {
      return new toy::log{{.forgets_its_log = true}};
    },
};
