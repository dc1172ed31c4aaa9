#include "keep/space_changes.hpp"

#include <doctest/doctest.h>

using namespace atl::keep;
using atl::spi::timestamp;

TEST_CASE("what was moved away counts as gone until an audit doesn't list it any more") {
  space_changes changes;
  fragment_key listed{{1, 1}, 0};
  fragment_key gone{{2, 2}, 0};
  changes.add_leftover(1, listed, 100, timestamp{10});
  changes.add_leftover(1, gone, 1'000, timestamp{10});
  CHECK(changes.bytes_less(1) == 1'100);
  // The audit leaves the copy alone, because another fragment of the unit is on its way.
  changes.on_listed(1, listed, timestamp{30});
  changes.on_audited(1, timestamp{20});
  CHECK(changes.bytes_less(1) == 100);
  changes.on_audited(1, timestamp{40});
  CHECK(changes.bytes_less(1) == 0);
}
