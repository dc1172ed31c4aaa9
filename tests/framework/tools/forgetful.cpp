// A protocol that fails: one replica that ignores its records after a crash.
#include "../sim/toy_log.hpp"

#include <cstdlib>

using namespace atl::spi;

namespace {

constexpr claim promises[] = {{"safe_with_crashes", "all"}};
constexpr option_spec words[] = {
    {"word", option_type::text, "", "", "",
     "With abort it does, where it is alone and starts again."},
};

} // namespace

ATOLL_PLUGIN(consensus, forgetful, 1, 0, 0){
    .summary = "Forgets its log, for tests of what finds that",
    .licence = "MIT",
    .claims = promises,
    .options = words,
    .create = [](const consensus_setup& setup) -> consensus* {
      if (setup.options.text("word") == "abort" && setup.voters.size() == 1 &&
          setup.incarnation == 2)
        std::abort();
      return new toy::log{{.forgets_its_log = true}};
    },
};
