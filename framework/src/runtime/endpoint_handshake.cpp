#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <fmt/format.h>

#include <algorithm>

/// Handshakes and heartbeats of other nodes.
namespace atl::runtime {

envelope node_endpoint_actor::answer_handshake(const envelope& message) {
  auto self = settings_.self->info();
  auto theirs = decode_node_info(message.body, self.wire);
  if (!theirs)
    return make_reply({tl::unexpected{theirs.error()}, {}, false});
  if (auto problem = incompatibility(self, *theirs); !problem.empty())
    return turn_away(*theirs, problem);
  handshake_response response{self, {}};
  auto is_self = is_same_node(self, *theirs);
  for (auto& role : theirs->roles) {
    auto* here = find_route(role.name);
    if (here == nullptr && role.replica != 0)
      if (auto why = describe_failed_role(role.name); !why.empty())
        response.refused.push_back({role.name, {errc::unavailable, std::move(why)}});
    if (here == nullptr || is_self)
      continue;
    if (auto problem = role_problem(self, *theirs, role, *here)) {
      turn_away(*here, *theirs, problem->message);
      response.refused.push_back({role.name, std::move(*problem)});
      continue;
    }
    if (here->turned_away.erase(theirs->name) > 0)
      tell_turned_away(*here, theirs->name, {});
    if (role.replica == 0)
      continue;
    remember(*here, role.replica, role.mark);
    if (here->replica)
      tell(this, here->replica, peer_seen{*theirs});
  }
  return make_reply({encode(response), {}, false});
}

/// Why a role of another node may not take part in its group.
std::optional<error> node_endpoint_actor::role_problem(const node_info& self, const node_info& who,
                                                       const role_info& role,
                                                       const route& here) const {
  if (auto problem = incompatibility(self, who, role.name); !problem.empty())
    return error{errc::refused, problem};
  if (auto problem = wrong_folder(who, role, here); !problem.empty())
    return error{errc::refused, problem};
  if (auto problem = older_copy(who, role, here); !problem.empty())
    return error{errc::corrupt, problem};
  return std::nullopt;
}

/// Refuses a node with all its roles.
envelope node_endpoint_actor::turn_away(const node_info& who, const std::string& why) {
  if (!who.roles.empty())
    for (auto& [name, here] : routes_)
      turn_away(here, who, why);
  return make_reply({fail(errc::refused, why), {}, false});
}

void node_endpoint_actor::turn_away(route& from, const node_info& who, const std::string& why) {
  constexpr std::size_t turned_away_max = 1000; // remembered names
  if (auto held_back = turned_away_log_.pass())
    log::warning(from.info.name, who.name, "turned away: {} ({} more like this)", why, *held_back);
  if (from.turned_away.size() < turned_away_max)
    from.turned_away.insert(who.name);
  tell_turned_away(from, who.name, why);
}

void node_endpoint_actor::tell_turned_away(const route& here, const std::string& node,
                                           const std::string& why) {
  for (auto& actor : {here.application, here.membership})
    if (actor)
      tell(this, actor, turned_away{node, why});
}

/// `with 'dfs admin master replace master-2'`
std::string node_endpoint_actor::replace_command(const route& here, const std::string& node) {
  return here.admin_command.empty() ? fmt::format("by replacing {} in its group", node)
                                    : fmt::format("with '{} replace {}'", here.admin_command, node);
}

/// A member's promises are in its data folder: a node that claims the member's id with another
/// folder has not made them.
std::string node_endpoint_actor::wrong_folder(const node_info& who, const role_info& role,
                                              const route& here) const {
  auto member = here.folder_of.find(role.replica);
  if (role.replica == 0 || role.group.empty() || member == here.folder_of.end() ||
      member->second == who.folder)
    return {};
  return fmt::format("{} comes as {} {} with the data folder {}, and that id stands for the "
                     "folder {}: its disk was lost or isn't mounted; let it in under a new id {}",
                     who.name, role.name, role.replica, who.folder, member->second,
                     replace_command(here, who.name));
}

/// A log that holds less than before is an older copy of the disk, which lacks the promises that
/// the replica has made since. So is a log of an earlier incarnation, however much it holds: a
/// later one was started on another copy.
std::string node_endpoint_actor::older_copy(const node_info& who, const role_info& role,
                                            const route& here) const {
  auto known = here.marks.find(role.replica);
  if (role.replica == 0 || role.group.empty() || known == here.marks.end())
    return {};
  auto& mark = known->second;
  if (role.mark.incarnation < mark.incarnation)
    return fmt::format("{} runs on an older copy of its disk: it comes with incarnation {} of its "
                       "replica, and incarnation {} has been here since; stop it, and run one "
                       "process, on the copy that ran last, or start it once with --new-disk and "
                       "let it in under a new id {}",
                       who.name, role.mark.incarnation, mark.incarnation,
                       replace_command(here, who.name));
  if (role.mark.incarnation == mark.incarnation || // a reconnect
      (role.mark.term >= mark.term && role.mark.entry >= mark.entry))
    return {};
  return fmt::format("{} comes back with an older copy of its disk: its log held term {} and entry "
                     "{} before, and now holds term {} and entry {}; put its disk back, or start "
                     "it once with --new-disk and let it in under a new id {}",
                     who.name, mark.term, mark.entry, role.mark.term, role.mark.entry,
                     replace_command(here, who.name));
}

void node_endpoint_actor::remember(route& here, spi::replica_id of, const replica_mark& mark) {
  if (of == 0 || (here.marks.size() >= replica_connections_max && !here.marks.contains(of)))
    return;
  auto& known = here.marks[of];
  if (mark.incarnation < known.incarnation)
    return; // a mark of an earlier incarnation that arrived late
  if (here.replica && (mark.short_of_space || known.short_of_space))
    tell(this, here.replica, peer_space{of, mark.short_of_space});
  known = {mark.incarnation, std::max(known.term, mark.term), std::max(known.entry, mark.entry),
           mark.short_of_space};
}

/// A node whose replica runs on an older copy of its disk is disconnected: its next handshake says
/// why it is refused.
envelope node_endpoint_actor::on_heartbeat(const envelope& message) {
  if (auto marks = decode_marks(message.body))
    for (auto& it : *marks)
      if (auto* here = find_route(it.role)) {
        auto known = here->marks.find(it.replica);
        if (known != here->marks.end() && it.mark.incarnation < known->second.incarnation)
          return make_reply(
              {fail(errc::refused, fmt::format("{} {} has been here with a later incarnation",
                                               it.role, it.replica)),
               {},
               false});
        remember(*here, it.replica, it.mark);
      }
  return make_reply({encode_description_version(settings_.self->version()), {}, false});
}

} // namespace atl::runtime
