#include <atoll/node/group_overview.hpp>
#include <atoll/runtime/group_client.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace atl::node {

namespace {

using spi::replica_role;

bool contains(const std::vector<spi::replica_id>& ids, spi::replica_id id) {
  return std::ranges::find(ids, id) != ids.end();
}

/// A leader knows more than a follower, and a follower more than a member without a group.
auto rank_of(const group_status& view) {
  auto leads = view.role == replica_role::leader && view.waits_for.empty();
  auto weight = leads ? 2 : view.waits_for.empty() ? 1 : 0;
  return leads ? std::tuple{weight, view.term, view.committed}
               : std::tuple{weight, view.committed, view.term};
}

member_relation relation_of(const group_status& view, spi::replica_id id) {
  if (!view.waits_for.empty())
    return member_relation::unknown;
  return contains(view.voters, id)     ? member_relation::voter
         : contains(view.learners, id) ? member_relation::learner
                                       : member_relation::none;
}

std::vector<setting_difference> find_differences(const shared_settings& there,
                                                 const shared_settings& here) {
  std::vector<setting_difference> differs;
  for (auto& [key, value] : here)
    if (auto other = there.find(key); other != there.end() && other->second != value)
      differs.push_back({key, other->second, value});
  return differs;
}

std::string why_turned_away(const group_status& view, const std::string& name) {
  for (auto& node : view.turned_away)
    if (node.name == name)
      return node.why;
  return {};
}

void add_health(member_standing& member, const group_status& view) {
  auto turned_away = why_turned_away(view, member.name);
  if (!member.own) {
    member.health = member_health::down;
  } else if (!member.own->waits_for.empty()) {
    member.health = member_health::waiting;
    member.why = member.own->waits_for;
  } else if (!turned_away.empty()) {
    member.health = member_health::turned_away;
    member.why = turned_away;
  } else {
    member.health = member_health::up;
  }
}

member_standing judge_member(const runtime::known_replica& known, const group_status& view,
                             const std::vector<group_status>& answers) {
  member_standing member;
  member.id = known.id;
  member.name = known.name;
  member.address = to_string(known.where);
  member.relation = relation_of(view, known.id);
  member.leads = known.id == view.leader;
  for (auto& answer : answers)
    if (answer.self.name == known.name)
      member.own = answer;
  if (member.own) {
    member.behind = view.committed - std::min(view.committed, member.own->applied);
    member.differs = find_differences(member.own->settings, view.settings);
  }
  add_health(member, view);
  member.astray = member.relation != member_relation::none && member.health == member_health::up &&
                  view.role == replica_role::leader && member.own->leader != view.leader;
  return member;
}

/// Lists a member that was admitted again under a new id once.
void drop_former_ids(std::vector<member_standing>& members) {
  auto all = members;
  std::erase_if(members, [&](auto& member) {
    return member.relation == member_relation::none && std::ranges::any_of(all, [&](auto& other) {
             return other.name == member.name && other.relation != member_relation::none;
           });
  });
}

} // namespace

std::string_view to_string(member_relation which) {
  constexpr std::string_view names[] = {"voter", "learner", "no member", "unknown"};
  return names[static_cast<std::size_t>(which)];
}

std::string_view to_string(member_health which) {
  constexpr std::string_view names[] = {"up", "waiting", "turned away", "down"};
  return names[static_cast<std::size_t>(which)];
}

const member_standing* group_overview::find(std::string_view name) const {
  auto found = std::ranges::find(members, name, &member_standing::name);
  return found == members.end() ? nullptr : &*found;
}

std::optional<group_overview> judge_group(std::vector<group_status> answers) {
  if (answers.empty())
    return std::nullopt;
  std::ranges::stable_sort(answers, [](auto& a, auto& b) { return rank_of(a) > rank_of(b); });
  group_overview group;
  group.view = answers.front();
  for (auto& answer : answers)
    group.ranked.push_back(answer.self.name);
  for (auto& known : group.view.known)
    group.members.push_back(judge_member(known, group.view, answers));
  drop_former_ids(group.members);
  return group;
}

std::string why_incomplete(const group_overview& group) {
  auto members = group.members;
  std::erase_if(members, [](auto& member) { return member.relation == member_relation::none; });
  for (auto& member : members)
    if (member.health == member_health::waiting)
      return fmt::format("{} takes no part: {}", member.name, member.why);
  for (auto& member : members)
    if (member.health == member_health::turned_away)
      return fmt::format("{} is turned away: {}", member.name, member.why);
  for (auto& member : members)
    if (member.health != member_health::up)
      return fmt::format("{} doesn't answer", member.name);
  if (!group.view.blocked.empty())
    return group.view.blocked;
  for (auto& member : members)
    if (member.astray)
      return fmt::format("{} doesn't follow the leader yet", member.name);
  return {};
}

result<group_overview> ask_group(runtime::group_client& group, std::string_view role) {
  std::vector<group_status> answers;
  std::vector<std::string> problems;
  for (auto& answer : group.call_each(runtime::message_kind::group_status, {})) {
    auto status = answer ? decode_group_status(*answer) : tl::unexpected{answer.error()};
    if (status)
      answers.push_back(std::move(*status));
    else
      problems.push_back(status.error().message);
  }
  if (auto overview = judge_group(std::move(answers)))
    return std::move(*overview);
  return fail(errc::unavailable, fmt::format("no {} answers: {}", role, fmt::join(problems, "; ")));
}

} // namespace atl::node
