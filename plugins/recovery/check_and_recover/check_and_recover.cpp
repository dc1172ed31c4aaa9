#include "../common/whole_copies.hpp"

namespace {

using namespace atl::spi;

std::uint32_t all_of_them(std::uint32_t copies) {
  return copies;
}

/// Whole copies, each of which is read back from its disk before it counts.
class check_and_recover final : public atl::copies::whole_copies {
 public:
  explicit check_and_recover(const recovery_setup& setup)
      : whole_copies{atl::copies::copy_counts_of(setup.options, all_of_them)},
        scrub_factor_{static_cast<std::uint32_t>(setup.options.integer("scrub_factor"))} {}

  bool verify_written() const override { return true; }
  std::uint32_t scrub_factor() const override { return scrub_factor_; }

 private:
  std::uint32_t scrub_factor_;
};

constexpr claim claims[] = {{"survives_losses", "2"}, {"storage_cost", "300"}};

constexpr option_spec options_known[] = {
    {"copies", option_type::integer, "3", "1", "16", "How many copies of each chunk are kept"},
    {"min_copies", option_type::integer, "0", "0", "16",
     "How many copies are stored, and read back, before a write is acknowledged; 0: all of them"},
    {"scrub_factor", option_type::integer, "4", "1", "100",
     "How many times as often as 'scrub.period' says nodes read everything again"},
};

} // namespace

ATOLL_PLUGIN(recovery, check_and_recover, 1, 0, 0){
    .summary = "Whole copies, acknowledged once each disk has given its copy back unchanged",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options_known,
    .create = [](const recovery_setup& setup) -> recovery* { return new check_and_recover{setup}; },
};
