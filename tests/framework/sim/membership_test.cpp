#include "sim/sim_membership.hpp"

#include <doctest/doctest.h>

#include <string>

using atl::sim::sim_membership;

namespace {

constexpr std::int64_t second = 1'000'000;

/// Delivers the response of `peer` to `asking`.
void deliver_response(sim_membership& asking, const sim_membership& peer, std::int64_t now = 0) {
  asking.on_response(peer.answer(asking.folder()), now);
}

bool starts_with(const std::string& text, std::string_view start) {
  return text.compare(0, start.size(), start) == 0;
}

} // namespace

TEST_CASE("a founder's disk belongs to the group, and an empty disk under the founder's id does "
          "not") {
  sim_membership first{1, {1, 2, 3}};
  sim_membership second_one{2, {1, 2, 3}};
  CHECK(first.in_group());
  CHECK(first.answer(second_one.folder()).admitted_as == 2);
  auto before = second_one.folder();
  second_one.wipe();
  CHECK(!second_one.in_group());
  CHECK(second_one.folder() != before);
  CHECK(first.answer(second_one.folder()).admitted_as == 0);
}

TEST_CASE("a replica with a wiped disk is refused while a single peer belongs to the group") {
  sim_membership first{1, {1, 2, 3}};
  sim_membership peer{2, {1, 2, 3}};
  sim_membership empty{3, {1, 2, 3}};
  first.wipe();
  empty.wipe();
  first.start_asking(0);
  deliver_response(first, empty);
  CHECK(starts_with(first.decide(0), "replica 2 doesn't answer"));
  deliver_response(first, peer);
  for (std::int64_t now = 0; now < 10 * second; now += second)
    CHECK(starts_with(first.decide(now), "the group exists already (replica 2 belongs to it)"));
  CHECK(!first.in_group());
}

TEST_CASE("a replica with a wiped disk waits until every founder answers") {
  sim_membership first{1, {1, 2, 3}};
  sim_membership empty{2, {1, 2, 3}};
  first.wipe();
  empty.wipe();
  first.start_asking(0);
  for (std::int64_t now = 0; now < 10 * second; now += second) {
    deliver_response(first, empty, now);
    first.on_unreachable(3);
    CHECK(first.decide(now) == "replica 3 doesn't answer (it can't be reached), and all founders "
                               "must answer before the group is founded");
  }
  CHECK(!first.in_group());
}

TEST_CASE("when all disks are wiped a new group is founded, and the other replicas join it") {
  sim_membership first{1, {1, 2}};
  sim_membership other{2, {1, 2}};
  for (auto* it : {&first, &other}) {
    it->wipe();
    it->start_asking(0);
  }
  deliver_response(first, other, 2 * second);
  deliver_response(other, first, 2 * second);
  CHECK(other.decide(2 * second) == "replica 1 founds the group");
  CHECK(first.decide(2 * second) == "");
  CHECK(first.in_group());
  deliver_response(other, first, 2 * second);
  CHECK(other.decide(2 * second) == "");
  CHECK(other.in_group());
  CHECK(!other.is_asking());
}

TEST_CASE("a spare replica with a wiped disk waits for admission under another id") {
  sim_membership member{1, {1, 2, 3}};
  sim_membership spare{4, {1, 2, 3}};
  spare.wipe();
  spare.start_asking(0);
  CHECK(spare.decide(0) != "");
  deliver_response(spare, member);
  CHECK(starts_with(spare.decide(0), "replica 4 isn't a member of the group yet"));
}
