#include <atoll/node/group_overview.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <map>

/// What members of a group say, taken together.
using namespace atl;
using namespace atl::node;
using nlohmann::json;

namespace {

std::string name_of(spi::replica_id id) {
  return "member-" + std::to_string(id);
}

/// What one of three members says; member-1 leads.
group_status status_of(spi::replica_id id) {
  group_status status;
  status.self = {id, name_of(id), "127.0.0.1:1", "folder"};
  status.group = "group";
  status.role = id == 1 ? spi::replica_role::leader : spi::replica_role::follower;
  status.term = 3;
  status.leader = 1;
  status.committed = status.applied = 10;
  status.voters = {1, 2, 3};
  for (spi::replica_id each : {1, 2, 3})
    status.known.push_back({each, name_of(each), {"127.0.0.1", 7110}});
  status.settings = {{"placement", "random"}, {"grace", "1h"}};
  return status;
}

struct group {
  std::map<spi::replica_id, group_status> says;

  group() {
    for (spi::replica_id id : {1, 2, 3})
      says[id] = status_of(id);
  }
  group_status& operator[](spi::replica_id id) { return says[id]; }
  void down(spi::replica_id id) { says.erase(id); }

  group_overview overview() const {
    std::vector<group_status> answers;
    for (auto& [id, status] : says)
      answers.push_back(status);
    auto all = judge_group(std::move(answers));
    REQUIRE(all.has_value());
    return std::move(*all);
  }
  member_standing member(spi::replica_id id) const {
    auto all = overview();
    auto* found = all.find(name_of(id));
    REQUIRE(found != nullptr);
    return *found;
  }
};

} // namespace

TEST_CASE("members that take part are shown with their role and how far they are") {
  group all;
  all[2].applied = 7;
  auto follower = all.member(2);
  CHECK(follower.relation == member_relation::voter);
  CHECK(follower.health == member_health::up);
  CHECK(follower.behind == 3);
  CHECK(describe_role(follower) == "follower, entry 7");
  CHECK(all.member(1).leads);
  CHECK_FALSE(follower.leads);
  CHECK_FALSE(follower.astray);
}

TEST_CASE("a removed member is not shown as one, whatever role it reports") {
  group all;
  all[1].voters = {1, 2};
  CHECK(all.member(3).relation == member_relation::none);
  CHECK(all.member(3).health == member_health::up);
  CHECK(describe_role(all.member(3)) == "no member");
}

TEST_CASE("a learner is shown as a learner, and a member that doesn't answer as down") {
  group all;
  all[1].voters = {1, 2};
  all[1].learners = {3};
  CHECK(all.member(3).relation == member_relation::learner);
  all.down(3);
  CHECK(all.member(3).health == member_health::down);
  CHECK(describe_role(all.member(3)) == "learner");
}

TEST_CASE("a member that the leader turns away is shown so, with the reason") {
  group all;
  all[1].turned_away.push_back({name_of(3), "other options"});
  CHECK(all.member(3).health == member_health::turned_away);
  CHECK(all.member(3).why == "other options");
  CHECK(describe_role(all.member(3)) == "voter, entry 10"); // its own role isn't valid
  CHECK(all.member(2).health == member_health::up);
}

TEST_CASE("a member that waits for a group is shown with the reason") {
  group all;
  all[3].waits_for = "its data folder is empty";
  CHECK(all.member(3).health == member_health::waiting);
  CHECK(all.member(3).why == "its data folder is empty");
  SUBCASE("and if all wait, nobody knows who is a member") {
    for (spi::replica_id id : {1, 2, 3})
      all[id].waits_for = "others";
    CHECK(all.member(1).relation == member_relation::unknown);
  }
}

TEST_CASE("settings that differ from the best view's are named, with both values") {
  group all;
  all[2].settings["placement"] = "weighted";
  all[2].settings["other"] = "x"; // a newer release may have more of them
  CHECK(describe_differences(all.member(2)) ==
        "member-2's file differs: placement is weighted, here random");
  CHECK(describe_differences(all.member(3)).empty());
}

TEST_CASE("a member that follows no leader, or another one, is astray while a leader answers") {
  group all;
  all[2].leader = 0;
  CHECK(all.member(2).astray);
  all.down(1);
  CHECK_FALSE(all.member(2).astray);
}

TEST_CASE("a member under a new id is named once, under the id that is a member") {
  group all;
  all[1].known.push_back({4, name_of(2), {"127.0.0.1", 7112}});
  all[1].voters = {1, 3, 4};
  auto overview = all.overview();
  CHECK(overview.members.size() == 3);
  REQUIRE(overview.find(name_of(2)) != nullptr);
  CHECK(overview.find(name_of(2))->id == 4);
}

TEST_CASE("the best view is that of the leader in the latest term, or else of the longest log") {
  group all;
  all[2].role = spi::replica_role::leader;
  all[2].term = 4;
  CHECK(all.overview().ranked == std::vector{name_of(2), name_of(1), name_of(3)});
  for (spi::replica_id id : {1, 2, 3}) {
    all[id].role = spi::replica_role::follower;
    all[id].committed = 10 + id;
  }
  CHECK(all.overview().ranked.front() == name_of(3));
  all[3].waits_for = "a group";
  CHECK(all.overview().ranked.front() == name_of(2));
  CHECK_FALSE(judge_group({}).has_value());
}

TEST_CASE(
    "a group is complete when each member takes part, and otherwise the first reason is told") {
  group all;
  CHECK(why_incomplete(all.overview()).empty());
  all[2].leader = 0;
  CHECK(why_incomplete(all.overview()) == "member-2 doesn't follow the leader yet");
  all[1].blocked = "a quorum is missing";
  CHECK(why_incomplete(all.overview()) == "a quorum is missing");
  all.down(3);
  CHECK(why_incomplete(all.overview()) == "member-3 doesn't answer");
  all[1].turned_away.push_back({name_of(2), "other options"});
  CHECK(why_incomplete(all.overview()) == "member-2 is turned away: other options");
  all[2].waits_for = "its folder is empty";
  CHECK(why_incomplete(all.overview()) == "member-2 takes no part: its folder is empty");
}

TEST_CASE("the members as JSON and as a table say the same") {
  group all;
  all[2].applied = 7;
  all[2].settings["placement"] = "weighted";
  all[3].waits_for = "its \033[1m folder is \xff empty";
  auto list = json::parse(members_json(all.overview()));
  REQUIRE(list.size() == 3);
  CHECK(list[0]["leader"] == true);
  CHECK(list[1]["member"] == "voter");
  CHECK(list[1]["behind"] == 3);
  CHECK(list[1]["differs"][0]["there"] == "weighted");
  CHECK(list[2]["role"] == "waiting");
  auto table = members_table(all.overview());
  CHECK(table.find("member-2") != table.npos);
  CHECK(table.find("follower, entry 7, 3 behind") != table.npos);
  CHECK(table.find("its \\x1b[1m folder is \\xff empty") != table.npos);
}

TEST_CASE("a status survives its encoding, and hostile bytes are refused or read within bounds") {
  auto status = status_of(2);
  status.learners = {7};
  status.turned_away.push_back({"x", "y"});
  status.waits_for = "a group";
  status.blocked = "no leader";
  auto bytes = encode(status);
  auto read = decode_group_status(bytes);
  REQUIRE(read.has_value());
  CHECK(encode(*read) == bytes);
  CHECK(read->self == status.self);
  CHECK(read->settings == status.settings);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    CHECK_FALSE(decode_group_status(bytes.substr(0, i)).has_value());
  CHECK_FALSE(decode_group_status(bytes + "x").has_value());
  spi::random_source random{1};
  for (int i = 0; i < 20'000; ++i) {
    auto changed = bytes;
    for (int k = 0; k < 3; ++k)
      changed[random.below(changed.size())] = static_cast<char>(random.next());
    if (auto got = decode_group_status(changed))
      CHECK(got->role <= spi::replica_role::learner);
  }
}
