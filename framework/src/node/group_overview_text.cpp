#include <atoll/core/printable_text.hpp>
#include <atoll/node/group_overview.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace atl::node {

namespace {

using nlohmann::json;

std::string_view role_name(const group_status& status) {
  constexpr std::string_view names[] = {"follower", "candidate", "leader", "learner"};
  return status.waits_for.empty() ? names[static_cast<std::size_t>(status.role)] : "waiting";
}

json describe(const member_standing& member) {
  json out{{"id", member.id},
           {"name", member.name},
           {"address", member.address},
           {"leader", member.leads},
           {"member", to_string(member.relation)},
           {"health", to_string(member.health)}};
  if (!member.why.empty())
    out["why"] = member.why;
  if (!member.own)
    return out;
  auto& own = *member.own;
  out["role"] = role_name(own);
  out["applied"] = own.applied;
  out["committed"] = own.committed;
  out["term"] = own.term;
  out["blocked"] = own.blocked;
  out["follows"] = own.leader;
  out["behind"] = member.behind;
  if (!own.waits_for.empty())
    out["waiting"] = own.waits_for;
  for (auto& differs : member.differs)
    out["differs"].push_back(
        {{"key", differs.key}, {"there", differs.there}, {"here", differs.here}});
  return out;
}

std::string describe_member(const member_standing& member) {
  auto line =
      printable(fmt::format("{:>4}  {:<16} {:<22} {:<9} {:<5}", member.id, member.name,
                            member.address, to_string(member.relation), to_string(member.health)));
  if (member.own && member.relation != member_relation::none)
    line += fmt::format(" {}, {} behind", describe_role(member), member.behind);
  line += '\n';
  if (!member.why.empty())
    line += fmt::format("      {}\n", printable(member.why));
  if (auto differences = describe_differences(member); !differences.empty())
    line += fmt::format("      {}\n", printable(differences));
  return line;
}

} // namespace

std::string members_json(const group_overview& group) {
  auto list = json::array();
  for (auto& member : group.members)
    list.push_back(describe(member));
  // Names and messages come from other machines: bytes that aren't UTF-8 are replaced.
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string describe_differences(const member_standing& member) {
  if (member.differs.empty())
    return {};
  std::vector<std::string> all;
  for (auto& it : member.differs)
    all.push_back(fmt::format("{} is {}, here {}", it.key, it.there, it.here));
  return fmt::format("{}'s file differs: {}", member.name, fmt::join(all, "; "));
}

std::string describe_role(const member_standing& member) {
  auto relation = to_string(member.relation);
  auto is_member =
      member.relation == member_relation::voter || member.relation == member_relation::learner;
  if (!is_member || !member.own)
    return std::string{relation};
  // The role that a member gives itself is valid only while it takes part.
  return fmt::format("{}, entry {}",
                     member.health == member_health::up ? role_name(*member.own) : relation,
                     member.own->applied);
}

std::string members_table(const group_overview& group) {
  std::string table;
  for (auto& member : group.members)
    table += describe_member(member);
  return table;
}

} // namespace atl::node
