#include "group_code.hpp"
#include "group_losses.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <vector>

using atl::local_reconstruction::code_shape;
using atl::local_reconstruction::group_code;
using atl::local_reconstruction::group_losses;
using atl::local_reconstruction::is_maximally_recoverable;

namespace {

using fragment_set = std::uint32_t;

std::vector<bool> present_without(const code_shape& shape, fragment_set lost) {
  std::vector<bool> present(shape.total());
  for (std::uint32_t i = 0; i < shape.total(); ++i)
    present[i] = (lost >> i & 1) == 0;
  return present;
}

/// Could any code of the shape survive these losses? Each group makes up for one, and each parity
/// of all data for one more.
bool could_be_decoded(const code_shape& shape, fragment_set lost) {
  std::vector<std::uint32_t> in_group(shape.groups);
  std::uint32_t left = 0;
  for (std::uint32_t i = 0; i < shape.total(); ++i)
    if ((lost >> i & 1) != 0) {
      if (auto group = shape.group_of(i))
        ++in_group[*group];
      else
        ++left;
    }
  for (auto losses : in_group)
    left += losses == 0 ? 0 : losses - 1;
  return left <= shape.globals;
}

/// Tries all sets of losses that are as large as a code of the shape can survive: one of each
/// group, and as many more as there are parities of all data.
class largest_losses {
 public:
  explicit largest_losses(const code_shape& shape)
      : shape_{shape}, code_{shape}, losses_{shape, code_} {}

  bool are_decodable() { return add_of_group(0, 0); }
  std::size_t tried() const { return tried_; }

 private:
  bool add_of_group(std::uint32_t group, fragment_set lost) {
    if (group == shape_.groups)
      return add_any(0, shape_.globals, lost);
    for (std::uint32_t i = 0; i < shape_.total(); ++i)
      if (shape_.group_of(i) == group && !add_of_group(group + 1, lost | fragment_set{1} << i))
        return false;
    return true;
  }
  bool add_any(std::uint32_t first, std::uint32_t left, fragment_set lost) {
    if (left == 0) {
      ++tried_;
      return losses_.is_enough(present_without(shape_, lost));
    }
    for (auto i = first; i < shape_.total(); ++i)
      if ((lost >> i & 1) == 0 && !add_any(i + 1, left - 1, lost | fragment_set{1} << i))
        return false;
    return true;
  }

  code_shape shape_;
  group_code code_;
  group_losses losses_;
  std::size_t tried_ = 0;
};

} // namespace

TEST_CASE(
    "of 12 + 2 + 2 and 6 + 2 + 2 exactly the losses are survived that any code could survive") {
  for (auto shape : {code_shape{12, 2, 2}, code_shape{6, 2, 2}}) {
    group_code code{shape};
    group_losses losses{shape, code};
    for (fragment_set lost = 0; lost < fragment_set{1} << shape.total(); ++lost)
      REQUIRE(losses.is_enough(present_without(shape, lost)) == could_be_decoded(shape, lost));
  }
}

TEST_CASE("shapes that are called maximally recoverable are, by trying all losses") {
  std::size_t shapes = 0;
  for (std::uint32_t groups = 1; groups <= 4; ++groups)
    for (std::uint32_t globals = 1; globals <= 3; ++globals)
      for (auto data = groups; data <= 24; data += groups) {
        code_shape shape{data, groups, globals};
        if (!is_maximally_recoverable(shape))
          continue;
        CAPTURE(data);
        CAPTURE(groups);
        CAPTURE(globals);
        largest_losses all{shape};
        REQUIRE(all.are_decodable());
        CHECK(all.tried() > 0);
        ++shapes;
      }
  CHECK(shapes == 131);
}

TEST_CASE(
    "every shape survives one loss more than it has parities of all data, whichever they are") {
  for (auto shape : {code_shape{24, 2, 3}, code_shape{24, 4, 3}, code_shape{22, 2, 2},
                     code_shape{24, 3, 2}, code_shape{16, 2, 3}}) {
    REQUIRE_FALSE(is_maximally_recoverable(shape));
    group_code code{shape};
    std::vector<std::uint32_t> once(shape.total(), 1);
    // Found by trying all losses, where the scheme knows it of all shapes.
    CHECK(atl::coded::parity_checks{code}.spare(once) == shape.globals + 1);
    CHECK(group_losses{shape, code}.spare(once) == shape.globals + 1);
  }
}

TEST_CASE("the losses that are survived are those that trying them all finds") {
  code_shape shape{6, 2, 2};
  group_code code{shape};
  group_losses losses{shape, code};
  for (auto copies : {std::vector<std::uint32_t>{1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                      {0, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                      {0, 1, 1, 0, 1, 1, 1, 1, 1, 1},
                      {0, 0, 1, 1, 1, 1, 1, 1, 1, 1},
                      {0, 0, 0, 1, 1, 1, 1, 1, 1, 1},
                      {0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
                      {2, 1, 1, 1, 1, 1, 3, 1, 1, 0},
                      {2, 2, 2, 1, 1, 1, 2, 1, 2, 2},
                      {0, 0, 0, 0, 1, 1, 1, 1, 1, 1}}) {
    std::optional<std::uint32_t> fewest;
    for (fragment_set lost = 0; lost < 1u << 10; ++lost) {
      std::uint32_t cost = 0;
      auto has_all_lost = true; // a set is tried with all that is lost already
      for (std::uint32_t i = 0; i < 10; ++i) {
        cost += (lost >> i & 1) != 0 ? copies[i] : 0;
        has_all_lost = has_all_lost && (copies[i] > 0 || (lost >> i & 1) != 0);
      }
      if (has_all_lost && !could_be_decoded(shape, lost))
        fewest = std::min(fewest.value_or(cost), cost);
    }
    REQUIRE(fewest);
    auto expected = *fewest == 0 ? std::nullopt : std::optional{*fewest - 1};
    CHECK(losses.spare(copies) == expected);
  }
}
