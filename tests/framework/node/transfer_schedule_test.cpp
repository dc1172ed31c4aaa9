#include "node/transfer_schedule.hpp"

#include <doctest/doctest.h>

using atl::node::transfer_schedule;
using step = transfer_schedule::step;
using std::chrono::milliseconds;

namespace {

const transfer_schedule::time_point start{std::chrono::hours{1}};

} // namespace

TEST_CASE("a transfer of leadership is requested at once, and again after each interval") {
  transfer_schedule schedule{start};
  CHECK(schedule.next(start) == step::request);
  CHECK(schedule.next(start) == step::wait);
  CHECK(schedule.next(start + milliseconds{1999}) == step::wait);
  CHECK(schedule.next(start + milliseconds{2200}) == step::request);
  CHECK(schedule.next(start + milliseconds{4199}) == step::wait);
  CHECK(schedule.next(start + milliseconds{4200}) == step::request);
}

TEST_CASE("a transfer of leadership is given up after its timeout") {
  transfer_schedule schedule{start};
  CHECK(schedule.next(start + milliseconds{9999}) == step::request);
  CHECK(schedule.next(start + milliseconds{10'000}) == step::give_up);
  CHECK(schedule.next(start + milliseconds{20'000}) == step::give_up);
}
