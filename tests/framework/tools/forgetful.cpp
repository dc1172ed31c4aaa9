// A protocol that fails: one replica, and nothing that it wrote down counts once it has crashed.
#include "../sim/toy_log.hpp"

using namespace atl::spi;

namespace {

constexpr claim promises[] = {{"safe_with_crashes", "all"}};
constexpr option_spec words[] = {
    {"word", option_type::text, "", "", "", "Nothing comes of it."},
};

} // namespace

ATOLL_PLUGIN(consensus, forgetful, 1, 0, 0) = {
    .kind = plugin_kind::consensus,
    .name = "forgetful",
    .version = "1.0.0",
    .summary = "Forgets its log, for tests of what finds that",
    .licence = "MIT",
    .claims = promises,
    .claim_count = std::size(promises),
    .options = words,
    .option_count = std::size(words),
    .create_consensus = [](const consensus_setup&) -> consensus* {
      return new toy::log{{.forgets_its_log = true}};
    },
};
