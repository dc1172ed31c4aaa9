// A plugin in many variants, most of them wrong in one way: the definitions say which.
#include <atoll/spi/balancer.hpp>

#include <cstdlib>
#include <stdexcept>

#ifdef VARIANT_SPI_MAJOR
#undef ATOLL_SPI_MAJOR
#define ATOLL_SPI_MAJOR VARIANT_SPI_MAJOR
#endif
#ifdef VARIANT_SPI_MINOR
#undef ATOLL_SPI_MINOR
#define ATOLL_SPI_MINOR VARIANT_SPI_MINOR
#endif
#ifdef VARIANT_ABI
#undef ATOLL_ABI
#define ATOLL_ABI VARIANT_ABI
#endif
#ifndef VARIANT_KIND
#define VARIANT_KIND balancer
#endif
#ifndef VARIANT_CREATE
#define VARIANT_CREATE return new fixed_pick(setup)
#endif
#ifndef VARIANT_PATCH
#define VARIANT_PATCH
#endif

#ifdef VARIANT_ABORTS
// A library that must be refused unseen ends the whole test if one line of it runs.
[[gnu::constructor]] static void never() {
  std::abort();
}
#endif

#ifdef VARIANT_EXITS
[[gnu::constructor]] static void end_the_process() {
  std::exit(0);
}
#endif

#ifdef VARIANT_NEIGHBOUR
extern "C" std::size_t neighbours_pick();
#endif

#ifdef VARIANT_NEEDS
extern "C" void nobody_has_this();
[[gnu::used]] static void needs() {
  nobody_has_this();
}
#endif

namespace {

using namespace atl::spi;

/// Picks what its options say, which it reads anew each time: they must live as long as it does.
class fixed_pick : public balancer {
 public:
  explicit fixed_pick(const balancer_setup& setup) : options_{setup.options}, seed_{setup.seed} {}

  std::optional<std::size_t> pick(std::span<const candidate>, std::uint64_t) override {
    return static_cast<std::size_t>(options_.integer("index")) + seed_;
  }

 private:
  const options& options_;
  std::uint64_t seed_;
};

[[maybe_unused]] balancer* create([[maybe_unused]] const balancer_setup& setup) {
  VARIANT_CREATE;
}

constexpr option_spec declared[] = {
    {"index", option_type::integer, "3", "0", "9", "which candidate is picked"},
};
[[maybe_unused]] constexpr option_spec wrong_options[] = {
    {"index", option_type::integer, "many", "", "", "a default of another type"},
};
constexpr claim claims[] = {{"shares", "uniform"}};

constexpr const char* text_of_name = ATOLL_DETAIL_TEXT(VARIANT_NAME);

constexpr descriptor described() {
  descriptor made{.kind = plugin_kind::balancer,
                  .name = text_of_name,
                  .version = "1.2.3",
                  .summary = "Picks what it is told to",
                  .licence = "MIT",
                  .claims = claims,
                  .claim_count = std::size(claims),
                  .options = declared,
                  .option_count = std::size(declared),
                  .create_balancer = create};
  VARIANT_PATCH;
  return made;
}

} // namespace

#define VARIANT_PLUGIN(kind, name) ATOLL_PLUGIN(kind, name, 1, 2, 3)
VARIANT_PLUGIN(VARIANT_KIND, VARIANT_NAME) = described();
#ifdef VARIANT_SECOND
ATOLL_PLUGIN(balancer, second, 1, 2, 3) = described();
#endif
