// A plugin in many variants, most of them wrong in one way: the definitions say which.
#include <atoll/spi/balancer.hpp>

#include <cstdlib>
#include <stdexcept>

#ifdef VARIANT_MAJOR
#undef ATOLL_SPI_balancer_MAJOR
#define ATOLL_SPI_balancer_MAJOR VARIANT_MAJOR
#endif
#ifdef VARIANT_MINOR
#undef ATOLL_SPI_balancer_MINOR
#define ATOLL_SPI_balancer_MINOR VARIANT_MINOR
#endif
#ifdef VARIANT_OTHER_KINDS
#undef ATOLL_SPI_consensus_MAJOR
#define ATOLL_SPI_consensus_MAJOR 1
#undef ATOLL_SPI_recovery_MAJOR
#define ATOLL_SPI_recovery_MAJOR 9
#endif
#ifdef VARIANT_LAYOUT
#undef ATOLL_DESCRIPTOR_VERSION
#define ATOLL_DESCRIPTOR_VERSION VARIANT_LAYOUT
#endif
#ifdef VARIANT_ABI
#undef ATOLL_ABI
#define ATOLL_ABI VARIANT_ABI
#endif
#ifndef VARIANT_KIND
#define VARIANT_KIND balancer
#endif
#define ATOLL_SPI_mystery_MAJOR 1
#define ATOLL_SPI_mystery_MINOR 0
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

  void update(std::span<const member>) override {}
  slot pick(const pick_request&, const member_facts&) override {
    return static_cast<slot>(options_.integer("index")) + static_cast<slot>(seed_);
  }

 private:
  const options& options_;
  std::uint64_t seed_;
};

[[maybe_unused]] balancer* create([[maybe_unused]] const balancer_setup& setup) {
  VARIANT_CREATE;
}

constexpr option_spec declared[] = {
    {"index", option_type::integer, "3", "0", "9", "which member is picked"},
};
[[maybe_unused]] constexpr option_spec wrong_options[] = {
    {"index", option_type::integer, "many", "", "", "a default of another type"},
};
constexpr claim claims[] = {{"shares", "uniform"}};

[[maybe_unused]] constexpr std::span<const option_spec> many_options{declared, 1u << 30};

constexpr descriptor described() {
  auto made = plugin_declaration<plugin_kind::balancer>{ATOLL_DETAIL_TEXT(VARIANT_NAME), "1.2.3"} +
              plugin_info<plugin_kind::balancer>{.summary = "Picks what it is told to",
                                                 .licence = "MIT",
                                                 .claims = claims,
                                                 .options = declared,
                                                 .create = create};
  VARIANT_PATCH;
  return made;
}

} // namespace

#define VARIANT_PLUGIN(kind, name)                                                                 \
  extern "C"                                                                                       \
      __attribute__((visibility("default"))) constinit const descriptor ATOLL_PLUGIN_SYMBOL(       \
          kind, name, 1, 2, 3) = described();
VARIANT_PLUGIN(VARIANT_KIND, VARIANT_NAME)
#ifdef VARIANT_SECOND
VARIANT_PLUGIN(balancer, second)
#endif
