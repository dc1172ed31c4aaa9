#include <atoll/core/group_birth.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl {

std::string difference(const lasting_settings& mine, std::string_view my_name,
                       const lasting_settings& theirs, std::string_view their_name) {
  for (auto& [key, value] : mine) {
    auto other = theirs.find(key);
    auto found = other == theirs.end() ? std::string{"nothing"} : "'" + other->second + "'";
    if (other == theirs.end() || other->second != value)
      return fmt::format("{} has {} '{}', {} has {}", my_name, key, value, their_name, found);
  }
  for (auto& [key, value] : theirs)
    if (!mine.contains(key))
      return fmt::format("{} has {} '{}', {} has nothing", their_name, key, value, my_name);
  return {};
}

lasting_settings without_restored(lasting_settings settings) {
  settings.erase(std::string{restored_setting});
  return settings;
}

group_admission::group_admission(settings given, timestamp now)
    : settings_{std::move(given)}, started_{now} {}

void group_admission::on_response(const membership_response& answer, timestamp now) {
  // A peer that was reached under a former id is stored under its present id.
  peers_[answer.peer.self.id] = {answer, now, {}};
}

void group_admission::on_unreachable(spi::replica_id peer, std::string why) {
  peers_[peer] = {std::nullopt, {}, std::move(why)};
}

void group_admission::on_group_known(const std::string& name, const std::string& group) {
  known_by_ = name;
  known_group_ = group;
}

bool group_admission::founds() const {
  return std::ranges::any_of(
      settings_.founders, [this](auto& founder) { return founder.id == settings_.self.self.id; });
}

/// `'dfs admin master add master-4'`
std::string group_admission::admin(std::string_view verb) const {
  auto& name = settings_.self.self.name;
  return settings_.admin_command.empty()
             ? fmt::format("an operator's order to {} {}", verb, name)
             : fmt::format("'{} {} {}'", settings_.admin_command, verb, name);
}

/// A group that a peer belongs to takes precedence: this replica joins it or waits, and founds
/// none.
std::optional<group_admission::decision> group_admission::join_existing() const {
  const membership_response* member = nullptr;
  for (auto& [id, peer] : peers_)
    if (peer.answer && peer.answer->birth && (!member || peer.answer->admitted_as != 0))
      member = &*peer.answer;
  if (!member)
    return std::nullopt;
  auto& birth = *member->birth;
  auto& self = settings_.self;
  auto& name = self.self.name;
  if (birth.cluster != self.cluster)
    return decision{verdict::refuse,
                    fmt::format("{} belongs to the cluster '{}', not to '{}'",
                                member->peer.self.name, birth.cluster, self.cluster),
                    {},
                    0};
  auto differs = difference(without_restored(self.lasting), name, without_restored(birth.lasting),
                            "the group");
  if (!differs.empty())
    return decision{verdict::refuse, differs + "; correct this node's file", {}, 0};
  if (auto other = other_beginning(birth))
    return decision{verdict::refuse, *other, {}, 0};
  if (member->admitted_as != 0)
    return decision{verdict::join, {}, birth, member->admitted_as};
  if (!founds())
    return decision{
        verdict::wait,
        fmt::format("{} isn't a member of the group yet; {} lets it in", name, admin("add")),
        {},
        0};
  return decision{
      verdict::refuse,
      fmt::format("the group exists already ({} belongs to it) and the data folder of {} is empty: "
                  "if its disk isn't mounted, mount it and start again; if the disk is lost, {} "
                  "lets this one in under a new id",
                  member->peer.self.name, name, admin("replace")),
      {},
      0};
}

/// The entries of the group's log follow the state that the group began with, and nobody sends that
/// state. Why this replica would begin with another one; none: it doesn't.
std::optional<std::string> group_admission::other_beginning(const group_birth& birth) const {
  auto& self = settings_.self;
  auto backup_in = [](const lasting_settings& settings) {
    auto found = settings.find(std::string{restored_setting});
    return found == settings.end() ? std::string{} : found->second;
  };
  auto theirs = backup_in(birth.lasting);
  if (backup_in(self.lasting) == theirs)
    return std::nullopt;
  if (theirs.empty())
    return fmt::format("the group began empty, without a backup: start {} without --restore",
                       self.self.name);
  return fmt::format("the group began from the backup {}: start {} once with --restore and that "
                     "file",
                     theirs, self.self.name);
}

std::optional<std::string> group_admission::missing_founder(timestamp now) const {
  for (auto& founder : settings_.founders) {
    if (founder.id == settings_.self.self.id)
      continue;
    auto peer = peers_.find(founder.id);
    auto heard = peer != peers_.end() && peer->second.answer &&
                 now - peer->second.heard <= settings_.answer_lifetime;
    if (heard)
      continue;
    auto why = peer == peers_.end() || peer->second.unreachable.empty() ? "no answer yet"
                                                                        : peer->second.unreachable;
    return fmt::format("{} doesn't answer ({}), and all founders must answer before the group is "
                       "founded",
                       founder.name, why);
  }
  return std::nullopt;
}

std::optional<std::string> group_admission::differing_founder() const {
  auto& self = settings_.self;
  for (auto& founder : settings_.founders) {
    auto peer = peers_.find(founder.id);
    if (peer == peers_.end() || !peer->second.answer)
      continue;
    auto& theirs = peer->second.answer->peer;
    auto& name = theirs.self.name;
    if (auto differs = difference(self.consensus, self.self.name, theirs.consensus, name);
        !differs.empty())
      return differs;
    if (auto differs = difference(self.lasting, self.self.name, theirs.lasting, name);
        !differs.empty())
      return differs;
    if (theirs.founders != self.founders)
      return fmt::format("{} has the {}s '{}', {} has '{}'", self.self.name, settings_.role,
                         self.founders, name, theirs.founders);
    if (name != founder.name)
      return fmt::format("{} {} is called '{}' in the file of {}, and '{}' in its own",
                         settings_.role, founder.id, founder.name, self.self.name, name);
  }
  return std::nullopt;
}

group_admission::decision group_admission::decide(timestamp now,
                                                  const std::string& fresh_group) const {
  auto wait = [](std::string why) { return decision{verdict::wait, std::move(why), {}, 0}; };
  if (auto existing = join_existing())
    return *existing;
  auto& self = settings_.self.self;
  if (!founds())
    return wait(fmt::format("no {} that belongs to the group answers yet", settings_.role));
  if (auto differs = differing_founder())
    return {verdict::refuse, *differs + "; they must agree before the group is founded", {}, 0};
  if (auto missing = missing_founder(now))
    return wait(*missing);
  auto ordered = settings_.self.founding_ordered;
  for (auto& [id, peer] : peers_)
    ordered = ordered || (peer.answer && peer.answer->peer.founding_ordered);
  if (!known_by_.empty() && !ordered)
    return {verdict::refuse,
            fmt::format("the data folder of {} is empty, and {} says that it belongs to a "
                        "group already ({}): if a disk isn't mounted, mount it and start again; if "
                        "all {}s' disks are lost, start a {} with --found-group",
                        self.name, known_by_, known_group_, settings_.role, settings_.role),
            {},
            0};
  auto lowest = std::ranges::min_element(settings_.founders, {}, &member_identity::id);
  if (lowest->id != self.id)
    return wait(fmt::format("{} founds the group", lowest->name));
  if (!ordered && now - started_ < settings_.founding_delay)
    return wait("the group is about to be founded, unless another node belongs to one already");
  group_birth birth{settings_.group.empty() ? fresh_group : settings_.group,
                    settings_.self.cluster,
                    settings_.protocol,
                    settings_.self.lasting,
                    {}};
  for (auto founder : settings_.founders) {
    founder.folder =
        founder.id == self.id ? self.folder : peers_.at(founder.id).answer->peer.self.folder;
    birth.founders.push_back(std::move(founder));
  }
  std::ranges::sort(birth.founders, {}, &member_identity::id);
  return {verdict::found, {}, std::move(birth), self.id};
}

} // namespace atl
