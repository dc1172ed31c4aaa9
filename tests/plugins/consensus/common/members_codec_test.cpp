#include "common/members.hpp"

#include <doctest/doctest.h>

using namespace atl::leader_based;

namespace {

constexpr members_codec simple{8, false};
constexpr members_codec joint{8, true};

} // namespace

TEST_CASE("a group is decoded as it was encoded") {
  membership group{{1, 2, 3}, {4}, {}};
  CHECK(simple.decode(simple.encode(group)) == group);
  group.old_voters = {1, 5};
  CHECK(joint.decode(joint.encode(group)) == group);
  CHECK(group.all() == id_list{1, 2, 3, 4, 5});
  CHECK(group.all_voters() == id_list{1, 2, 3, 5});
  CHECK(group.votes(5));
  CHECK_FALSE(group.votes(4));
  CHECK(group.contains(4));
}

TEST_CASE("a group that is empty, too large, or not in order is rejected") {
  for (auto& it :
       {membership{}, membership{{}, {4}, {}}, membership{{0, 1}, {}, {}},
        membership{{2, 1}, {}, {}}, membership{{1, 1}, {}, {}}, membership{{1, 2}, {2}, {}},
        membership{{1, 2, 3, 4, 5}, {6, 7, 8, 9}, {}}, membership{{1}, {}, {2, 1}}})
    CHECK_FALSE(joint.decode(joint.encode(it)).has_value());
  CHECK_FALSE(joint.decode(joint.encode(membership{{1}, {}, {}}) + "x").has_value());
}

TEST_CASE("each index of the log has the group of the last change up to it") {
  membership_history it;
  it.rebase(0, membership{{1}, {}, {}});
  it.add(5, membership{{1, 2}, {}, {}});
  it.add(9, membership{{2}, {}, {}});
  CHECK(it.at(4).voters == id_list{1});
  CHECK(it.at(5).voters == id_list{1, 2});
  CHECK(it.current().voters == id_list{2});
  it.cut(6);
  CHECK(it.base().voters == id_list{1, 2});
  CHECK(it.newest_change() == 9);
  it.truncate(8);
  CHECK(it.current().voters == id_list{1, 2});
  CHECK(it.newest_change() == 0);
}
