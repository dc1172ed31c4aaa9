#include <atoll/node/group_admin.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

/// What an operator's orders do to a group, step by step.
using namespace atl;
using namespace atl::node;
using std::chrono::seconds;

namespace {

std::string name_of(spi::replica_id id) {
  return "member-" + std::to_string(id);
}

/// A group of three, whose members and clock the test moves.
struct group {
  using replica_ids = group_link::replica_ids;

  /// A node: the data folder that it has now.
  struct node {
    std::string folder;
    bool answers = true;
    spi::log_index applied = 10;
  };

  group() {
    for (spi::replica_id id : {1, 2, 3}) {
      nodes[name_of(id)] = {"folder-" + std::to_string(id)};
      admitted.push_back({id, name_of(id), "h:1", "folder-" + std::to_string(id)});
      configured.push_back({id, name_of(id), {"h", 1}, false});
    }
  }

  void configure(spi::replica_id id, const std::string& name, const std::string& folder) {
    configured.push_back({id, name, {"h", 1}, true});
    nodes[name] = {folder};
  }

  const member_identity* find_folder(const std::string& folder) const {
    auto found = std::ranges::find(admitted, folder, &member_identity::folder);
    return found == admitted.end() ? nullptr : &*found;
  }

  group_status status_of(const std::string& name) const {
    auto& at = nodes.at(name);
    group_status status;
    status.self = {0, name, "h:1", at.folder};
    auto* own = find_folder(at.folder);
    if (own == nullptr)
      status.waits_for = "its folder is empty";
    else
      status.self.id = own->id;
    status.role = own != nullptr && own->id == leader ? spi::replica_role::leader
                                                      : spi::replica_role::follower;
    status.leader = leader;
    status.committed = 10;
    status.applied = at.applied;
    status.voters = voters;
    status.learners = learners;
    status.admitted = admitted;
    for (auto& member : configured)
      status.known.push_back({member.id, member.name, member.address});
    return status;
  }

  std::map<std::string, node> nodes;
  std::vector<member_identity> admitted;
  std::vector<member_config> configured;
  replica_ids voters{1, 2, 3};
  replica_ids learners;
  spi::replica_id leader = 1;
  std::vector<replica_ids> declared_lost;
  std::vector<std::string> said;
  std::chrono::steady_clock::time_point now{};
  int failing_changes = 0;          ///< so many changes fail
  errc failure = errc::unavailable; ///< with this code
  std::function<void()> on_pause = [] {};
};

class fake_link final : public group_link {
 public:
  explicit fake_link(group& of) : group_{of} {}

  result<group_overview> overview() override {
    std::vector<group_status> answers;
    for (auto& [name, node] : group_.nodes)
      if (node.answers)
        answers.push_back(group_.status_of(name));
    auto all = judge_group(std::move(answers));
    if (!all)
      return fail(errc::unavailable, "no member answers");
    return std::move(*all);
  }
  result<group_status> ask(const std::string& name) override {
    auto found = group_.nodes.find(name);
    if (found == group_.nodes.end() || !found->second.answers)
      return fail(errc::unavailable, name + " can't be reached");
    return group_.status_of(name);
  }
  result<spi::replica_id> admit(const member_identity& wanted) override {
    if (auto* same = group_.find_folder(wanted.folder))
      return same->id;
    auto member = wanted;
    if (member.id == 0)
      member.id = group_.admitted.back().id + 1;
    if (std::ranges::find(group_.admitted, member.id, &member_identity::id) !=
        group_.admitted.end())
      return fail(errc::refused, "the id is taken");
    group_.admitted.push_back(member);
    return member.id;
  }
  status change_members(const replica_ids& voters, const replica_ids& learners,
                        const replica_ids& lost) override {
    if (group_.failing_changes > 0 && group_.failing_changes-- > 0)
      return fail(group_.failure, "not now");
    group_.voters = voters;
    group_.learners = learners;
    group_.declared_lost.push_back(lost);
    if (std::ranges::find(lost, group_.leader) != lost.end())
      group_.leader = 1;
    return {};
  }
  status transfer_leadership(spi::replica_id to) override {
    group_.leader = to;
    return {};
  }
  std::chrono::steady_clock::time_point now() const override { return group_.now; }
  void pause(std::chrono::milliseconds time) override {
    group_.now += time;
    group_.on_pause();
  }

 private:
  group& group_;
};

group_admin admin_of(group& of) {
  service_description service;
  service.name = "jobs";
  service.admin_command = "jobs member";
  auto say = [&of](std::string_view done) { of.said.emplace_back(done); };
  return {std::make_unique<fake_link>(of), {service, of.configured, say, say}};
}

} // namespace

TEST_CASE("a new member learns, then votes") {
  group all;
  all.configure(4, "member-4", "new");
  all.nodes["member-4"].applied = 3;
  all.on_pause = [&] {
    if (all.learners == group::replica_ids{4})
      all.nodes["member-4"].applied = 10;
  };
  auto added = admin_of(all).add("member-4", seconds{60});
  CHECK_MESSAGE(added.has_value(), added.error().message);
  CHECK(all.voters == group::replica_ids{1, 2, 3, 4});
  CHECK(all.learners.empty());
  CHECK(all.said == std::vector<std::string>{"member-4 learns, under the id 4", "member-4 votes"});
  all.said.clear();
  CHECK(admin_of(all).add("member-4", seconds{60}).has_value());
  CHECK(all.said == std::vector<std::string>{"member-4 is a voter already"});
}

TEST_CASE("a new member whose configured id was given to another one gets an id of its own") {
  group all;
  // member-3 was replaced and has the id 4.
  all.nodes["member-3"].folder = "second disk";
  all.admitted.push_back({4, "member-3", "h:1", "second disk"});
  all.voters = {1, 2, 4};
  all.configure(4, "member-4", "new");
  SUBCASE("added") {
    CHECK(admin_of(all).add("member-4", seconds{60}).has_value());
    CHECK(all.voters == group::replica_ids{1, 2, 4, 5});
  }
  SUBCASE("replaced before it was a member") {
    CHECK(admin_of(all).replace("member-4", seconds{60}).has_value());
    CHECK(all.voters == group::replica_ids{1, 2, 4, 5}); // member-3 stays
    for (auto& lost : all.declared_lost)
      CHECK(lost.empty());
  }
  SUBCASE("removed") {
    CHECK(admin_of(all).remove("member-4", false).has_value());
    CHECK(all.voters == group::replica_ids{1, 2, 4});
  }
  SUBCASE("asked to lead") {
    auto led = admin_of(all).lead("member-4");
    REQUIRE_FALSE(led.has_value());
    CHECK(led.error().code == errc::not_found);
  }
  SUBCASE("and member-3 leads under its id") {
    CHECK(admin_of(all).lead("member-3").has_value());
    CHECK(all.leader == 4);
  }
}

TEST_CASE("a change that another operator made while a member learnt is kept") {
  group all;
  all.configure(4, "member-4", "new");
  all.nodes["member-4"].applied = 3;
  all.on_pause = [&] {
    std::erase(all.voters, 2u);
    all.nodes["member-4"].applied = 10;
  };
  CHECK(admin_of(all).add("member-4", seconds{60}).has_value());
  CHECK(all.voters == group::replica_ids{1, 3, 4});
  SUBCASE("and a member that was removed while it learnt doesn't vote") {
    all.configure(5, "member-5", "newer");
    all.nodes["member-5"].applied = 3;
    all.on_pause = [&] {
      all.learners.clear();
      all.nodes["member-5"].applied = 10;
    };
    auto added = admin_of(all).add("member-5", seconds{60});
    REQUIRE_FALSE(added.has_value());
    CHECK(added.error().code == errc::refused);
    CHECK(all.voters == group::replica_ids{1, 3, 4});
  }
}

TEST_CASE("a lost disk is replaced under a new id, and the former id is declared lost") {
  group all;
  all.nodes["member-3"].folder = "empty";
  SUBCASE("in one go") {}
  SUBCASE("if it led, and nobody else can lead while it is a member") {
    all.leader = 3;
  }
  SUBCASE("after the group was without a leader for a while") {
    all.failing_changes = 3;
  }
  SUBCASE("repeated after a failure between its steps") {
    all.on_pause = [&] { all.nodes["member-3"].applied = 0; };
    all.nodes["member-3"].applied = 0;
    auto failed = admin_of(all).replace("member-3", seconds{1}); // it learns too slowly
    REQUIRE_FALSE(failed.has_value());
    CHECK(all.learners == group::replica_ids{4});
    all.on_pause = [] {};
    all.nodes["member-3"].applied = 10;
  }
  auto replaced = admin_of(all).replace("member-3", seconds{60});
  CHECK_MESSAGE(replaced.has_value(), replaced.error().message);
  CHECK(all.voters == group::replica_ids{1, 2, 4});
  CHECK(all.learners.empty());
  CHECK(all.declared_lost.front() == group::replica_ids{3});
  auto again = admin_of(all).replace("member-3", seconds{60});
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().message.find("nothing to replace") != std::string::npos);
}

TEST_CASE("an addition of a voter whose disk is another one names the order that it needs") {
  group all;
  all.nodes["member-3"].folder = "empty";
  auto added = admin_of(all).add("member-3", seconds{60});
  REQUIRE_FALSE(added.has_value());
  CHECK(added.error().message.find("'jobs member replace member-3'") != std::string::npos);
  CHECK(all.voters == group::replica_ids{1, 2, 3});
}

TEST_CASE("a folder that was admitted takes part under its own id alone") {
  group all;
  all.configure(4, "member-4", "new");
  all.admitted.push_back({7, "member-4", "h:1", "new"}); // an addition that was interrupted
  CHECK(admin_of(all).add("member-4", seconds{60}).has_value());
  CHECK(all.voters == group::replica_ids{1, 2, 3, 7});
}

TEST_CASE("members are changed as the leader sees them, or not at all") {
  group all;
  all.leader = 9; // nobody that answers
  auto removed = admin_of(all).remove("member-2", false);
  REQUIRE_FALSE(removed.has_value());
  CHECK(removed.error().code == errc::unavailable);
  CHECK(all.voters == group::replica_ids{1, 2, 3});
  SUBCASE("once there is one") {
    all.on_pause = [&] { all.leader = 1; };
    CHECK(admin_of(all).remove("member-2", false).has_value());
    CHECK(all.voters == group::replica_ids{1, 3});
  }
}

TEST_CASE("a change that can't succeed is not repeated") {
  group all;
  all.failing_changes = 1000;
  all.failure = errc::refused;
  auto before = all.now;
  CHECK(admin_of(all).remove("member-2", true).error().code == errc::refused);
  CHECK(all.now == before);
  all.failure = errc::unavailable;
  CHECK(admin_of(all).remove("member-2", true).error().code == errc::unavailable);
  CHECK(all.now - before >= seconds{30});
}

TEST_CASE("names that nobody knows are refused, and a member that doesn't answer isn't added") {
  group all;
  CHECK(admin_of(all).add("member-7", seconds{1}).error().code == errc::not_found);
  CHECK(admin_of(all).remove("member-7", false).error().code == errc::not_found);
  CHECK(admin_of(all).lead("member-7").error().code == errc::not_found);
  all.configure(4, "member-4", "new");
  all.nodes["member-4"].answers = false;
  auto added = admin_of(all).add("member-4", seconds{1});
  REQUIRE_FALSE(added.has_value());
  CHECK(added.error().message.find("nothing was changed") != std::string::npos);
  CHECK(all.said ==
        std::vector<std::string>{"member-4 doesn't answer yet; waiting up to 10 s for it"});
  CHECK(all.voters == group::replica_ids{1, 2, 3});
}

TEST_CASE("a removal may be repeated") {
  group all;
  CHECK(admin_of(all).remove("member-2", false).has_value());
  CHECK(admin_of(all).remove("member-2", false).has_value());
  CHECK(all.said.back() == "member-2 is no member already");
  CHECK(all.voters == group::replica_ids{1, 3});
}
