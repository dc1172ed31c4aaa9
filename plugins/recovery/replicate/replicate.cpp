#include "../common/whole_copies.hpp"

namespace {

using namespace atl::spi;

std::uint32_t more_than_half(std::uint32_t copies) {
  return copies / 2 + 1;
}

/// Whole copies of a chunk, each on a separate node.
class replicate final : public atl::copies::whole_copies {
 public:
  explicit replicate(const recovery_setup& setup)
      : whole_copies{atl::copies::copy_counts_of(setup.options, more_than_half)} {}
};

constexpr claim claims[] = {{"survives_losses", "2"}, {"storage_cost", "300"}};

constexpr option_spec options_known[] = {
    {"copies", option_type::integer, "3", "1", "16", "How many copies of each chunk are kept"},
    {"min_copies", option_type::integer, "0", "0", "16",
     "How many copies are stored before a write is acknowledged; 0: more than half of them"},
};

} // namespace

ATOLL_PLUGIN(recovery, replicate, 1, 0, 0){
    .summary = "Whole copies of each chunk on different nodes",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options_known,
    .create = [](const recovery_setup& setup) -> recovery* { return new replicate{setup}; },
};
