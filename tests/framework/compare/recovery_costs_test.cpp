#include "fake_scheme.hpp"

#include <atoll/compare/recovery_costs.hpp>

#include <doctest/doctest.h>

using namespace atl::compare;
using doctest::Approx;

TEST_CASE("costs come from what the scheme says that it reads") {
  auto it = measure_costs(fakes::threshold_scheme{6, 4}, 1 << 20);
  CHECK(it.stored == Approx(1.5));
  CHECK(it.rebuild_reads == Approx(4));
  CHECK(it.rebuild_bytes == Approx(1 << 20));
  CHECK(it.small_read.whole == Approx(256)); // four fragments of 256 KiB for 4 KiB
  CHECK(it.small_read.most_away == Approx(256));
  CHECK(it.chunk_read.whole == Approx(1));
  CHECK(it.chunk_read.one_away == Approx(1));
}

TEST_CASE("a fragment that is read first is away first, up to the losses that are survived") {
  /// Reads of the first fragment alone are cheap.
  struct cheap_first : fakes::threshold_scheme {
    using threshold_scheme::threshold_scheme;
    std::optional<std::vector<atl::spi::fragment_range>>
    reads_for(std::size_t size, std::size_t offset, std::size_t length,
              std::span<const atl::spi::source> sources) const override {
      if (sources.front().fragment == 0)
        return {{{0, 0, length}}};
      return threshold_scheme::reads_for(size, offset, length, sources);
    }
  };
  auto it = measure_costs(cheap_first{4, 2}, 64 << 10);
  CHECK(it.small_read.whole == Approx(1));
  CHECK(it.small_read.one_away == Approx(16));
  CHECK(it.small_read.most_away == Approx(16));
  auto alone = measure_costs(cheap_first{1, 1}, 64 << 10); // survives no loss
  CHECK(alone.small_read.one_away == Approx(1));
}

TEST_CASE("a scheme that names no reads is infinitely dear") {
  struct silent : fakes::threshold_scheme {
    using threshold_scheme::threshold_scheme;
    std::optional<std::vector<atl::spi::fragment_range>>
    reads_for(std::size_t, std::size_t, std::size_t,
              std::span<const atl::spi::source>) const override {
      return std::nullopt;
    }
  };
  CHECK(measure_costs(silent{3, 1}, 1 << 20).chunk_read.most_away ==
        std::numeric_limits<double>::infinity());
}

TEST_CASE("the share of losses that are survived is counted over all sets") {
  CHECK(survived_share(fakes::paired_scheme{}, 1) == 1);
  CHECK(survived_share(fakes::paired_scheme{}, 2) == Approx(4.0 / 6));
  CHECK(survived_share(fakes::paired_scheme{}, 3) == 0);
  CHECK(survived_share(fakes::threshold_scheme{6, 4}, 2) == 1);
  CHECK(survived_share(fakes::threshold_scheme{48, 32}, 17) < 0); // too many
}
