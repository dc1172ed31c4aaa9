#include <atoll/compare/durability_forms.hpp>

#include <doctest/doctest.h>

#include <cmath>

using namespace atl::compare;
using doctest::Approx;

TEST_CASE("the mean time to a loss is that of the chain solved by hand") {
  constexpr double l = 0.001, m = 0.5;
  CHECK(mean_time_to_loss({1, 0, l, m}) == Approx(1 / l));
  CHECK(mean_time_to_loss({2, 1, l, m}) == Approx((3 * l + m) / (2 * l * l)));
  CHECK(mean_time_to_loss({3, 2, l, m}) ==
        Approx((11 * l * l + 7 * m * l + 2 * m * m) / (6 * l * l * l)));
  CHECK(mean_time_to_loss({6, 2, l, 0}) == Approx(1 / (6 * l) + 1 / (5 * l) + 1 / (4 * l)));
}

TEST_CASE("losses at a constant rate leave an exponential probability") {
  CHECK(loss_probability(10, 10) == Approx(1 - std::exp(-1)));
  CHECK(loss_probability(1e15, 1) == Approx(1e-15)); // not rounded to nothing
}

TEST_CASE("sets of nodes are counted within zones") {
  CHECK(sets_within_zones(6, 1, 3, 3) == Approx(20));
  CHECK(sets_within_zones(6, 3, 3, 1) == Approx(8));  // a node of each zone
  CHECK(sets_within_zones(6, 3, 2, 1) == Approx(12)); // of 15 pairs, 3 are in one zone
  CHECK(sets_within_zones(7, 2, 2, 1) == Approx(12)); // zones of four and three
  CHECK(fragments_in_zone(6, 3, 2) == 2);
  CHECK(fragments_in_zone(6, 2, 2) == 3);
}

TEST_CASE("copysets are as many as their paper says") {
  CHECK(copyset_count(60, 4, 3) == 40);
  CHECK(copyset_count(9, 2, 3) == 3);
  CHECK(copyset_count(10, 3, 3) == 8); // two permutations, each with a last set that begins again
  CHECK(copyset_count(5, 1, 1) == 5);
}

TEST_CASE("a write succeeds if enough nodes are up") {
  CHECK(enough_up_probability(1, 1, 0.1) == Approx(0.9));
  CHECK(enough_up_probability(3, 2, 0.1) == Approx(0.972));
  CHECK(enough_up_probability(3, 3, 0.1) == Approx(0.729));
}

TEST_CASE("Wilson's interval is that of its paper, and keeps to probabilities") {
  auto it = wilson_interval(10, 100);
  CHECK(it.low == Approx(0.05523).epsilon(1e-3));
  CHECK(it.high == Approx(0.17437).epsilon(1e-3));
  CHECK(wilson_interval(0, 100).low == 0);
  CHECK(wilson_interval(0, 100).high == Approx(0.03699).epsilon(1e-3));
  CHECK(wilson_interval(100, 100).high == 1);
}

TEST_CASE("a cluster loses data at the rate of all sets of nodes that share a chunk") {
  durability_model model;
  model.nodes = 10;
  model.zones = 1;
  model.chunks = 1;
  model.detection = 3600;
  model.repair_rate = 1e18; // a repair takes as long as its detection
  model.node_mttf = 1000 * 3600;
  scheme_shape copies{2, 1, 2, 1};
  constexpr double l = 1 / 3.6e6, m = 1 / 3600.0;
  auto one = durability_form_of(model, copies);
  CHECK(one.chunk_mean_time == Approx((3 * l + m) / (2 * l * l)));
  CHECK(one.fatal_sets == Approx(1));
  CHECK(one.loss == Approx(one.chunk_loss));
  CHECK(one.recovered == Approx(1 - 2 * l * l / (3 * l + m) / (10 * l)));

  model.chunks = 1'000'000; // a chunk for each pair
  auto many = durability_form_of(model, copies);
  CHECK(many.fatal_sets == Approx(45));
  CHECK(many.chunks_a_fatal_set == Approx(1e6 / 45));
  CHECK(many.loss == Approx(1 - std::pow(1 - one.chunk_loss, 45)));

  model.spread = chunk_spread::copysets;
  model.scatter_width = 1;
  CHECK(durability_form_of(model, copies).fatal_sets == Approx(5).epsilon(0.06));
}

TEST_CASE("a node is rebuilt by all others if chunks are spread, and by one for each copyset") {
  durability_model model;
  model.nodes = 11;
  model.chunks = 1100;
  model.repair_rate = 1000;
  scheme_shape copies{2, 1, 1, 500};
  CHECK(durability_form_of(model, copies).node_rebuild == Approx(200 * 500 / (10 * 1000.0)));
  model.spread = chunk_spread::copysets;
  model.scatter_width = 2; // 12 sets
  CHECK(durability_form_of(model, copies).node_rebuild == Approx(1100 / 12.0 * 500 / 1000));
}

TEST_CASE("all other nodes receive what one has lost, unless all zones are full") {
  CHECK(repair_receivers(30, 10, 3, 1) == 29);
  CHECK(repair_receivers(30, 3, 3, 1) == 10);
  CHECK(repair_receivers(30, 3, 6, 2) == 10);
  CHECK(repair_receivers(30, 4, 6, 2) == 29);
  CHECK(repair_receivers(30, 2, 6, 2) == 15); // three in each, for there are no more zones
  CHECK(repair_receivers(30, 1, 3, 1) == 29);
  CHECK(repair_receivers(1, 1, 1, 1) == 1);
}
