#include <atoll/core/logging.hpp>
#include <atoll/runtime/replica_actor.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

// Disks that fill up: a leader refuses commands that take space while there is still room for
// commands that take none, and for commands under way.
namespace atl::runtime {

namespace {

/// How long clients wait for another leader to take over from a leader whose disk is full.
constexpr auto handover_timeout = std::chrono::seconds{3};

} // namespace

void replica_actor::look_at_disk() {
  if (!serving_)
    return;
  auto was_short = shortage_.has_value();
  shortage_ = settings_.machine->shortage();
  mark_->write_space(shortage_.has_value());
  if (shortage_ && !was_short)
    log::warning(settings_.role.name, "",
                 "{}; until then commands that take space are refused while this "
                 "{} leads",
                 *shortage_, settings_.role.name);
  else if (was_short && !shortage_)
    log::info(settings_.role.name, "", "its disk has its reserve of space again");
}

void replica_actor::on_peer_space(const peer_space& told) {
  if (!told.is_short)
    short_peers_.erase(told.of);
  else if (told.of != settings_.role.replica)
    short_peers_.insert(told.of); // bounded by the number of members that the endpoint knows
}

bool replica_actor::leads() {
  return driver_.status().leader == settings_.role.replica;
}

bool replica_actor::is_short(spi::replica_id member) const {
  return member == settings_.role.replica ? shortage_.has_value() : short_peers_.contains(member);
}

bool replica_actor::lacks_space_to_commit() const {
  auto& voters = driver_.members().voters;
  auto full = static_cast<std::size_t>(
      std::count_if(voters.begin(), voters.end(), [this](auto id) { return is_short(id); }));
  auto needed = settings_.blocks_on_one_failure ? voters.size() : voters.size() / 2 + 1;
  return voters.size() - full < needed;
}

std::string replica_actor::describe_full_disks() const {
  std::vector<std::string> full;
  for (auto& peer : settings_.group)
    if (is_short(peer.id))
      full.push_back(peer.name);
  return fmt::format("no space left for anything new: the disk of {} has less space left than its "
                     "reserve{}{}; free space there, or remove what isn't needed, which is still "
                     "possible",
                     fmt::join(full, ", "), shortage_ ? ": " : "", shortage_.value_or(""));
}

std::optional<reply> replica_actor::refuse_for_space(std::string_view command) {
  look_at_disk();
  if ((!shortage_ && short_peers_.empty()) || !leads() || !settings_.machine->takes_space(command))
    return std::nullopt;
  auto no_majority = lacks_space_to_commit();
  if (!no_majority && !shortage_)
    return std::nullopt;
  ++metrics_.refused;
  if (!no_majority) {
    if (!hands_over_since_)
      hand_over_for_space();
    if (now() - hands_over_since_.value_or(now()) < handover_timeout)
      return error_reply(errc::unavailable,
                         fmt::format("{} has no space left, and lets another {} lead", self_.name,
                                     settings_.role.name));
  }
  return error_reply(errc::no_space, describe_full_disks());
}

/// A leader without space hands leadership to a member that has space. Called repeatedly, because
/// the first member that is chosen may be down.
void replica_actor::hand_over_for_space() {
  if (!shortage_ || !leads() || lacks_space_to_commit()) {
    hands_over_since_.reset();
    return;
  }
  std::vector<spi::replica_id> heirs;
  for (auto id : driver_.members().voters)
    if (!is_short(id))
      heirs.push_back(id);
  if (heirs.empty())
    return;
  auto heir = heirs[handovers_++ % heirs.size()];
  if (!hands_over_since_) {
    hands_over_since_ = now();
    log::info(settings_.role.name, "", "has no space left, and lets {} {} lead",
              settings_.role.name, heir);
  }
  driver_.call([&](auto& protocol) { protocol.transfer(heir); });
}

} // namespace atl::runtime
