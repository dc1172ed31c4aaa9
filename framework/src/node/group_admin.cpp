#include "transfer_schedule.hpp"

#include <atoll/node/group_admin.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace atl::node {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds{100};
/// How long to wait for the answer of a member that was just started or is busy.
constexpr auto answer_timeout = std::chrono::seconds{10};
/// How long a learner may apply nothing new; it may be fetching a snapshot.
constexpr auto progress_timeout = std::chrono::seconds{120};
/// How long to wait until another member leads in place of a lost one.
constexpr auto takeover_timeout = std::chrono::seconds{30};

bool contains(const std::vector<spi::replica_id>& ids, spi::replica_id id) {
  return std::ranges::find(ids, id) != ids.end();
}

/// May the same call succeed later?
bool is_passing(errc code) {
  return code == errc::unavailable || code == errc::timeout || code == errc::busy;
}

/// A learner's applied index, and the time since when it has not changed.
struct learning {
  clock::time_point since;
  spi::log_index applied = 0;
  bool answered = false;
  std::string problem{};

  void note(const result<group_status>& view, clock::time_point now) {
    auto before = std::pair{applied, answered};
    answered = view.has_value();
    if (answered)
      applied = view->applied;
    else
      problem = view.error().message;
    if (before != std::pair{applied, answered})
      since = now;
  }
  bool is_given_up(clock::time_point now) const {
    return now - since >= (answered ? progress_timeout : answer_timeout);
  }
};

} // namespace

group_admin::group_admin(std::unique_ptr<group_link> link, settings given)
    : link_{std::move(link)}, settings_{std::move(given)} {}

// -- who is who ---------------------------------------------------------------------------------

bool group_admin::group::is_part(spi::replica_id id) const {
  return contains(voters, id) || contains(learners, id);
}

group_link::replica_ids group_admin::group::ids_of(const std::string& name) const {
  replica_ids ids;
  for (auto& member : admitted)
    if (member.name == name && is_part(member.id))
      ids.push_back(member.id);
  return ids;
}

const member_identity* group_admin::group::find_folder(const std::string& folder) const {
  auto found = std::ranges::find(admitted, folder, &member_identity::folder);
  return found == admitted.end() ? nullptr : &*found;
}

/// Another member's view may be old, and a change of the members replaces their whole list.
result<group_overview> group_admin::ask_leader() {
  auto give_up = link_->now() + answer_timeout;
  for (;;) {
    auto group = link_->overview();
    if (group && group->view.role == spi::replica_role::leader && group->view.waits_for.empty())
      return group;
    if (link_->now() >= give_up) {
      if (!group)
        return group;
      return fail(errc::unavailable,
                  fmt::format("no member that answers leads the group: {}",
                              group->view.blocked.empty() ? "its leader can't be reached"
                                                          : group->view.blocked));
    }
    link_->pause(poll_interval);
  }
}

result<group_overview> group_admin::ask_any() {
  auto seen = link_->overview();
  if (seen && !seen->view.waits_for.empty())
    return fail(errc::unavailable, "no member that belongs to the group answers");
  return seen;
}

group_admin::group group_admin::group_in(group_overview seen) {
  auto& view = seen.view;
  return {std::move(view.voters), std::move(view.learners), std::move(view.admitted)};
}

const member_config* group_admin::find_configured(const std::string& name) const {
  auto found = std::ranges::find(settings_.configured, name, &member_config::name);
  return found == settings_.configured.end() ? nullptr : &*found;
}

error group_admin::unknown_to_file(const std::string& name) const {
  return {errc::not_found,
          fmt::format("the cluster's file names no member '{}': add it to [[{}]] first, with joins "
                      "= true",
                      name, settings_.service.members)};
}

std::string group_admin::command(std::string_view verb, const std::string& name) const {
  return fmt::format("'{} {} {}'", settings_.service.admin_command, verb, name);
}

// -- steps --------------------------------------------------------------------------------------

result<spi::replica_id> group_admin::admit(const std::string& name, const std::string& folder,
                                           spi::replica_id id) {
  auto* configured = find_configured(name);
  if (configured == nullptr)
    return tl::unexpected{unknown_to_file(name)};
  return link_->admit({id, name, to_string(configured->address), folder});
}

/// Changes the members as they are now.
status group_admin::change(const edit& how, const replica_ids& lost) {
  auto now = lost.empty() ? ask_leader() : ask_any();
  if (!now)
    return tl::unexpected{now.error()};
  auto voters = now->view.voters;
  auto learners = now->view.learners;
  how(voters, learners);
  if (voters == now->view.voters && learners == now->view.learners)
    return {};
  return link_->change_members(voters, learners, lost);
}

/// The lost member may have been the leader: another member must take over first.
status group_admin::remove_lost(spi::replica_id lost) {
  auto give_up = link_->now() + takeover_timeout;
  for (;;) {
    auto changed = change(
        [lost](replica_ids& voters, replica_ids& learners) {
          std::erase(voters, lost);
          std::erase(learners, lost);
        },
        {lost});
    if (changed || !is_passing(changed.error().code) || link_->now() >= give_up)
      return changed;
    link_->pause(poll_interval);
  }
}

/// A member must answer before it is added, because the group would wait for a member that is down.
result<group_status> group_admin::wait_until_it_answers(const std::string& name) {
  auto give_up = link_->now() + answer_timeout;
  auto told = false;
  for (;;) {
    auto view = link_->ask(name);
    if (view)
      return view;
    if (link_->now() >= give_up)
      return fail(errc::unavailable,
                  fmt::format("{}; start its node, and add it then; nothing was changed",
                              view.error().message));
    if (!std::exchange(told, true))
      settings_.note(fmt::format("{} doesn't answer yet; waiting up to {} s for it", name,
                                 answer_timeout.count()));
    link_->pause(poll_interval);
  }
}

/// Waits until a learner has applied what was committed when the wait began.
status group_admin::wait_until_learnt(const std::string& name, std::chrono::seconds learning_max) {
  auto give_up = link_->now() + learning_max;
  spi::log_index goal = 0;
  learning so_far{.since = link_->now()};
  while (link_->now() < give_up && !so_far.is_given_up(link_->now())) {
    if (auto now = link_->overview(); now && goal == 0)
      goal = now->view.committed;
    so_far.note(link_->ask(name), link_->now());
    if (so_far.answered && goal != 0 && so_far.applied >= goal)
      return {};
    link_->pause(poll_interval);
  }
  auto idle = (link_->now() - so_far.since) / std::chrono::seconds{1};
  auto why = so_far.answered ? fmt::format("it has learnt {} of {} entries, and none for {} s",
                                           so_far.applied, goal, idle)
                             : so_far.problem;
  return fail(so_far.answered ? errc::timeout : errc::unavailable,
              fmt::format("{} didn't catch up ({}); it stays a learner: {} goes on from there, and "
                          "{} lets it go again",
                          name, why, command("add", name), command("remove", name)));
}

/// Lets a member learn that was admitted under the id, and vote once it has caught up.
status group_admin::promote(const std::string& name, spi::replica_id id,
                            std::chrono::seconds learning_max) {
  auto started = change([id](replica_ids& voters, replica_ids& learners) {
    if (!contains(voters, id) && !contains(learners, id))
      learners.push_back(id);
  });
  if (!started)
    return started;
  settings_.say(fmt::format("{} learns, under the id {}", name, id));
  if (auto learnt = wait_until_learnt(name, learning_max); !learnt)
    return learnt;
  auto let_go = false;
  auto changed = change([&](replica_ids& voters, replica_ids& learners) {
    let_go = std::erase(learners, id) == 0 && !contains(voters, id);
    if (!let_go && !contains(voters, id))
      voters.push_back(id);
  });
  if (!changed)
    return changed;
  if (let_go)
    return fail(errc::refused, fmt::format("{} was removed while it learnt", name));
  settings_.say(fmt::format("{} votes", name));
  return {};
}

// -- orders -------------------------------------------------------------------------------------

status group_admin::add(const std::string& name, std::chrono::seconds learning_max) {
  auto seen = ask_leader();
  if (!seen)
    return tl::unexpected{seen.error()};
  auto now = group_in(std::move(*seen));
  auto* configured = find_configured(name);
  auto ids = now.ids_of(name);
  auto votes = std::ranges::any_of(ids, [&](auto id) { return contains(now.voters, id); });
  if (configured == nullptr && !votes)
    return tl::unexpected{unknown_to_file(name)};
  if (votes) {
    if (auto view = link_->ask(name); view && !view->waits_for.empty())
      return fail(errc::refused,
                  fmt::format("{} is a voter with another data folder than the one that its node "
                              "has now: if that disk is lost, use {}",
                              name, command("replace", name)));
    settings_.say(fmt::format("{} is a voter already", name));
    return {};
  }
  auto view = wait_until_it_answers(name);
  if (!view)
    return tl::unexpected{view.error()};
  auto is_taken =
      std::ranges::find(now.admitted, configured->id, &member_identity::id) != now.admitted.end();
  auto id = admit(name, view->self.folder, is_taken ? 0 : configured->id);
  if (!id)
    return tl::unexpected{id.error()};
  return promote(name, *id, learning_max);
}

status group_admin::replace(const std::string& name, std::chrono::seconds learning_max) {
  auto view = link_->ask(name);
  if (!view)
    return tl::unexpected{view.error()};
  auto seen = ask_any();
  if (!seen)
    return tl::unexpected{seen.error()};
  auto now = group_in(std::move(*seen));
  auto* own = now.find_folder(view->self.folder);
  if (own != nullptr && contains(now.voters, own->id))
    return fail(errc::refused, fmt::format("{} takes part in the group with its own data folder: "
                                           "there is nothing to replace",
                                           name));
  // The lost member is removed first: a protocol that needs every member commits nothing while the
  // lost member is one.
  for (auto id : now.ids_of(name)) {
    if (own != nullptr && own->id == id)
      continue;
    if (auto removed = remove_lost(id); !removed)
      return removed;
    settings_.say(fmt::format("{} is no member under the id {} any more", name, id));
  }
  auto id = admit(name, view->self.folder, 0);
  if (!id)
    return tl::unexpected{id.error()};
  return promote(name, *id, learning_max);
}

status group_admin::remove(const std::string& name, bool lost) {
  auto seen = lost ? ask_any() : ask_leader();
  if (!seen)
    return tl::unexpected{seen.error()};
  auto now = group_in(std::move(*seen));
  auto ids = now.ids_of(name);
  auto is_known =
      find_configured(name) != nullptr ||
      std::ranges::find(now.admitted, name, &member_identity::name) != now.admitted.end();
  if (!is_known)
    return fail(errc::not_found, fmt::format("the group never had a member '{}'", name));
  if (ids.empty()) {
    settings_.say(fmt::format("{} is no member already", name));
    return {};
  }
  for (auto id : ids) {
    auto changed =
        lost ? remove_lost(id) : change([id](replica_ids& voters, replica_ids& learners) {
          std::erase(voters, id);
          std::erase(learners, id);
        });
    if (!changed)
      return changed;
  }
  settings_.say(fmt::format("{} is no member any more; stop it, and never start another disk under "
                            "its id",
                            name));
  return {};
}

status group_admin::lead(const std::string& name) {
  using step = transfer_schedule::step;
  auto first = ask_leader();
  if (!first)
    return tl::unexpected{first.error()};
  auto now = group_in(std::move(*first));
  auto ids = now.ids_of(name);
  std::erase_if(ids, [&](auto id) { return !contains(now.voters, id); });
  if (ids.empty())
    return fail(errc::not_found, fmt::format("no voter of the group is named '{}'", name));
  auto id = ids.back();
  status requested;
  transfer_schedule schedule{link_->now()};
  for (auto next = schedule.next(link_->now()); next != step::give_up;
       next = schedule.next(link_->now())) {
    auto seen = link_->overview();
    if (seen && seen->view.leader == id && seen->view.role == spi::replica_role::leader) {
      settings_.say(fmt::format("{} leads", name));
      return {};
    }
    // During a transfer to a member that is down the leader would refuse writes in vain.
    auto* member = seen ? seen->find(name) : nullptr;
    if (next == step::request && member != nullptr && member->health == member_health::up)
      requested = link_->transfer_leadership(id);
    link_->pause(poll_interval);
  }
  if (!requested)
    return requested;
  return fail(errc::refused, fmt::format("the leading member didn't let {} lead; it may be down or "
                                         "behind, or the protocol's leader fixed",
                                         name));
}

} // namespace atl::node
