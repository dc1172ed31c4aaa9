#pragma once

#include <atoll/core/error.hpp>
#include <atoll/node/group_status.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::runtime {
class group_client;
}

/// A group from outside: what its members say, taken together. A member's own words are not enough:
/// one that was removed or is turned away may still consider itself a follower.
namespace atl::node {

enum class member_relation : std::uint8_t {
  voter,
  learner,
  none,
  unknown, ///< no member of a group answers
};
/// `voter`, `learner`, `no member`, `unknown`.
std::string_view to_string(member_relation which);

enum class member_health : std::uint8_t {
  up,
  waiting, ///< belongs to no group yet
  turned_away,
  down, ///< doesn't answer
};
/// `up`, `waiting`, `turned away`, `down`.
std::string_view to_string(member_health which);

/// A setting that is another one in a member's file than in that of the member whose view is used.
struct setting_difference {
  std::string key;
  std::string there;
  std::string here;
};

/// The relation of one member to its group.
struct member_standing {
  spi::replica_id id = 0;
  std::string name;
  std::string address;
  member_relation relation = member_relation::unknown;
  member_health health = member_health::down;
  std::string why;          ///< it waits or is turned away; empty otherwise
  bool leads = false;       ///< in the view that is used
  bool astray = false;      ///< up, and follows another leader than the one that leads, or none
  std::uint64_t behind = 0; ///< entries that it has not applied; valid if it answers
  std::vector<setting_difference> differs;
  std::optional<group_status> own; ///< what it says; none: it doesn't answer
};

struct group_overview {
  /// The best view: the leader's, of several leaders the one with the latest term; without a
  /// leader, that of the member with the longest known log.
  group_status view;
  std::vector<member_standing> members;
  /// The names of the members that answer, that of the best view first.
  std::vector<std::string> ranked;

  /// @returns null if the group has no member of the name.
  const member_standing* find(std::string_view name) const;
};

/// @param answers of the members that answer. @returns none if there is no answer
std::optional<group_overview> judge_group(std::vector<group_status> answers);

/// Asks each member of the client's settings once.
/// @param role of the members, for the message
/// @returns errc::unavailable, with each reason, if none answers
result<group_overview> ask_group(runtime::group_client& group, std::string_view role);

/// Why the group isn't complete, for one who waits until it is; empty if each member takes part and
/// follows the leader. Nodes that were let go, or that nobody has let in, don't count.
std::string why_incomplete(const group_overview& group);

/// The members as a JSON array; docs/OPERATING.md describes its fields.
std::string members_json(const group_overview& group);

// For people:

/// "master-2's file differs: placement is …, here …"; empty when it doesn't.
std::string describe_differences(const member_standing& member);
/// "follower, entry 12"; "no member".
std::string describe_role(const member_standing& member);
/// One line for each member, and one below it for what is wrong with it.
std::string members_table(const group_overview& group);

} // namespace atl::node
