#include "common/transfer_attempts.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

using namespace dfs;
using namespace std::chrono_literals;
using std::chrono::microseconds;

namespace {

const transfer_attempts::time_point began{1h};

atl::spi::transfer_policy policy_of(std::uint32_t sends) {
  atl::spi::transfer_policy policy;
  policy.sends = sends;
  policy.backoff = 10ms;
  policy.backoff_max = 70ms;
  policy.deadline = 1s;
  return policy;
}

} // namespace

TEST_CASE("a failed transfer is sent as often as the policy says, and no more") {
  for (std::uint32_t sends : {1, 2, 5}) {
    transfer_attempts attempts{policy_of(sends), began};
    std::uint32_t sent = 1;
    while (attempts.after_failure(began, began, 0.5))
      ++sent;
    CHECK(sent == sends);
  }
}

TEST_CASE("a busy node is asked again without a limit, and that takes no sends away") {
  transfer_attempts attempts{policy_of(2), began};
  for (int i = 0; i < 1000; ++i)
    CHECK(attempts.after_busy(began + 10ms, began, 0.5));
  CHECK(attempts.after_failure(began, began, 0.5));
  CHECK_FALSE(attempts.after_failure(began, began, 0.5));
}

TEST_CASE("pauses double up to the longest one, and chance takes a part of each") {
  std::vector<microseconds> longest, shortest;
  transfer_attempts late{policy_of(9), began}, early{policy_of(9), began};
  for (int i = 0; i < 6; ++i) {
    longest.push_back(*late.after_failure(began, began, 1.0));
    shortest.push_back(*early.after_failure(began, began, 0.0));
  }
  CHECK(longest == std::vector<microseconds>{10ms, 20ms, 40ms, 70ms, 70ms, 70ms});
  CHECK(shortest == std::vector<microseconds>(6, 10ms));
  transfer_attempts half{policy_of(9), began};
  half.after_busy(began, began, 0.5);
  half.after_busy(began, began, 0.5);
  CHECK(half.after_busy(began, began, 0.5) == 25ms);
}

TEST_CASE("the deadline counts from the last progress of any node") {
  transfer_attempts attempts{policy_of(9), began};
  CHECK(attempts.after_busy(began + 999ms, began - 1h, 0.5));
  CHECK_FALSE(attempts.after_busy(began + 1s, began - 1h, 0.5));
  CHECK(attempts.after_busy(began + 1s, began + 500ms, 0.5));
  CHECK(attempts.after_failure(began + 1499ms, began + 500ms, 0.5));
  CHECK_FALSE(attempts.after_failure(began + 1500ms, began + 500ms, 0.5));
}

TEST_CASE("a first pause above the longest one is cut to it") {
  auto policy = policy_of(3);
  policy.backoff = 5s;
  transfer_attempts attempts{policy, began};
  CHECK(attempts.after_failure(began, began, 0.9) == 70ms);
}
