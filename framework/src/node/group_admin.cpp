#include "transfer_schedule.hpp"

#include <atoll/core/state/group_members.hpp>
#include <atoll/node/group_admin.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace atl::node {

namespace {

using clock = std::chrono::steady_clock;
using runtime::message_kind;

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

/// A learner's applied index, and the time since when it has not changed.
struct learning {
  std::uint64_t applied = 0;
  bool answered = false;
  std::string problem;
  clock::time_point since = clock::now();

  void note(const result<group_status>& view) {
    auto before = std::pair{applied, answered};
    answered = view.has_value();
    if (answered)
      applied = view->applied;
    else
      problem = view.error().message;
    if (before != std::pair{applied, answered})
      since = clock::now();
  }
  bool is_given_up() const {
    return clock::now() - since >= (answered ? progress_timeout : answer_timeout);
  }
};

} // namespace

group_admin::group_admin(runtime::service_client& client, settings given)
    : client_{client}, settings_{std::move(given)} {}

result<group_overview> group_admin::overview() {
  return ask_group(client_.group(), settings_.service.name);
}

// -- steps --------------------------------------------------------------------------------------

/// The id of a member in the group: a replaced member has another id than in the file.
result<group_admin::subject> group_admin::look_up(const std::string& name) {
  auto group = overview();
  if (!group)
    return tl::unexpected{group.error()};
  if (auto* member = group->find(name))
    return subject{member->id, std::move(*group)};
  for (auto& member : settings_.configured)
    if (member.name == name)
      return subject{member.id, std::move(*group)};
  return fail(errc::not_found,
              fmt::format("the cluster's file names no member '{}': add it to [[{}]] first, with "
                          "joins = true",
                          name, settings_.service.members));
}

result<group_status> group_admin::ask(const std::string& name) {
  auto answers = client_.group().call_each(message_kind::group_status, {});
  for (std::size_t i = 0; i < answers.size() && i < settings_.configured.size(); ++i)
    if (settings_.configured[i].name == name)
      return answers[i] ? decode_group_status(*answers[i]) : tl::unexpected{answers[i].error()};
  return fail(errc::not_found, fmt::format("the cluster's file names no member '{}'", name));
}

result<spi::replica_id> group_admin::admit(const std::string& name, spi::replica_id id) {
  auto view = ask(name);
  if (!view)
    return tl::unexpected{view.error()};
  member_identity wanted{id, name, {}, view->self.folder};
  for (auto& member : settings_.configured)
    if (member.name == name)
      wanted.address = to_string(member.address);
  auto answer = client_.run(admit_member_type, encode(wanted));
  return answer ? decode_admission(*answer) : tl::unexpected{answer.error()};
}

status group_admin::change_members(const replica_ids& voters, const replica_ids& learners,
                                   const replica_ids& lost) {
  auto wanted = encode(runtime::change_members{voters, learners, lost});
  return client_.group().call(message_kind::members, std::move(wanted)).map([](auto&&) {});
}

/// The lost member may have been the leader: another member must take over first.
status group_admin::remove_lost(const replica_ids& voters, const replica_ids& learners,
                                spi::replica_id lost) {
  auto give_up = clock::now() + takeover_timeout;
  auto changed = change_members(voters, learners, {lost});
  while (!changed && clock::now() < give_up) {
    std::this_thread::sleep_for(poll_interval);
    changed = change_members(voters, learners, {lost});
  }
  return changed;
}

status group_admin::transfer_leadership(spi::replica_id to) {
  spi::writer wanted;
  wanted.put(to);
  return client_.group().call(message_kind::transfer, wanted.take()).map([](auto&&) {});
}

/// A member must answer before it is added, because the group would wait for a member that is down.
status group_admin::wait_until_it_answers(const std::string& name) {
  auto give_up = clock::now() + answer_timeout;
  auto told = false;
  for (;;) {
    auto view = ask(name);
    if (view)
      return {};
    if (clock::now() >= give_up)
      return fail(errc::unavailable,
                  fmt::format("{}; start its node, and add it then; nothing was changed",
                              view.error().message));
    if (!std::exchange(told, true))
      settings_.note(fmt::format("{} doesn't answer yet; waiting up to {} s for it", name,
                                 answer_timeout.count()));
    std::this_thread::sleep_for(poll_interval);
  }
}

/// Waits until a learner has applied what was committed when the wait began.
status group_admin::wait_until_learnt(const std::string& name, std::chrono::seconds learning_max) {
  auto give_up = clock::now() + learning_max;
  spi::log_index goal = 0;
  learning so_far;
  while (clock::now() < give_up && !so_far.is_given_up()) {
    if (auto now = overview(); now && goal == 0)
      goal = now->view.committed;
    so_far.note(ask(name));
    if (so_far.answered && goal != 0 && so_far.applied >= goal)
      return {};
    std::this_thread::sleep_for(poll_interval);
  }
  auto idle = (clock::now() - so_far.since) / std::chrono::seconds{1};
  auto why = so_far.answered ? fmt::format("it has learnt {} of {} entries, and none for {} s",
                                           so_far.applied, goal, idle)
                             : so_far.problem;
  return fail(so_far.answered ? errc::timeout : errc::unavailable,
              fmt::format("{} didn't catch up ({}); it stays a learner: {} goes on from there, and "
                          "{} lets it go again",
                          name, why, command("add", name), command("remove", name)));
}

/// Makes a learner a voter once it has caught up.
status group_admin::promote(const std::string& name, spi::replica_id id, replica_ids voters,
                            replica_ids learners, std::chrono::seconds learning_max) {
  if (auto learnt = wait_until_learnt(name, learning_max); !learnt)
    return learnt;
  std::erase(learners, id);
  if (!contains(voters, id))
    voters.push_back(id);
  if (auto changed = change_members(voters, learners); !changed)
    return changed;
  settings_.say(fmt::format("{} votes", name));
  return {};
}

std::string group_admin::command(std::string_view verb, const std::string& name) const {
  return fmt::format("'{} {} {}'", settings_.service.admin_command, verb, name);
}

// -- orders -------------------------------------------------------------------------------------

status group_admin::add(const std::string& name, std::chrono::seconds learning_max) {
  auto it = look_up(name);
  if (!it)
    return tl::unexpected{it.error()};
  auto voters = it->group.view.voters;
  auto learners = it->group.view.learners;
  if (contains(voters, it->id)) {
    settings_.say(fmt::format("{} is a voter already", name));
    return {};
  }
  if (auto answers = wait_until_it_answers(name); !answers)
    return answers;
  if (!contains(learners, it->id)) {
    if (auto admitted = admit(name, it->id); !admitted)
      return tl::unexpected{admitted.error()};
    learners.push_back(it->id);
    if (auto changed = change_members(voters, learners); !changed)
      return changed;
    settings_.say(fmt::format("{} learns", name));
  }
  return promote(name, it->id, std::move(voters), std::move(learners), learning_max);
}

status group_admin::replace(const std::string& name, std::chrono::seconds learning_max) {
  auto it = look_up(name);
  if (!it)
    return tl::unexpected{it.error()};
  auto view = ask(name);
  if (!view)
    return tl::unexpected{view.error()};
  if (view->waits_for.empty())
    return fail(errc::refused, fmt::format("{} takes part in the group with its own data folder: "
                                           "there is nothing to replace",
                                           name));
  // The lost member is removed first: a protocol that needs every member commits nothing while the
  // lost member is one.
  auto voters = it->group.view.voters;
  auto learners = it->group.view.learners;
  if (std::erase(voters, it->id) + std::erase(learners, it->id) > 0) {
    if (auto removed = remove_lost(voters, learners, it->id); !removed)
      return removed;
    settings_.say(fmt::format("{} is no member under the id {} any more", name, it->id));
  }
  auto id = admit(name, 0);
  if (!id)
    return tl::unexpected{id.error()};
  if (!contains(voters, *id) && !contains(learners, *id)) {
    learners.push_back(*id);
    if (auto changed = change_members(voters, learners); !changed)
      return changed;
  }
  settings_.say(fmt::format("{} learns, under the id {}", name, *id));
  return promote(name, *id, std::move(voters), std::move(learners), learning_max);
}

status group_admin::remove(const std::string& name, bool lost) {
  auto it = look_up(name);
  if (!it)
    return tl::unexpected{it.error()};
  auto voters = it->group.view.voters;
  auto learners = it->group.view.learners;
  if (std::erase(voters, it->id) + std::erase(learners, it->id) == 0) {
    settings_.say(fmt::format("{} is no member already", name));
    return {};
  }
  auto changed = lost ? remove_lost(voters, learners, it->id) : change_members(voters, learners);
  if (!changed)
    return changed;
  settings_.say(fmt::format("{} is no member any more; stop it, and never start another disk under "
                            "its id",
                            name));
  return {};
}

status group_admin::lead(const std::string& name) {
  using step = transfer_schedule::step;
  auto it = look_up(name);
  if (!it)
    return tl::unexpected{it.error()};
  status requested;
  transfer_schedule schedule{clock::now()};
  for (auto next = schedule.next(clock::now()); next != step::give_up;
       next = schedule.next(clock::now())) {
    // During a transfer to a member that is down the leader would refuse writes in vain.
    auto* member = it->group.find(name);
    if (next == step::request && member != nullptr && member->health == member_health::up)
      requested = transfer_leadership(it->id);
    if (auto now = overview())
      it->group = std::move(*now);
    if (it->group.view.leader == it->id) {
      settings_.say(fmt::format("{} leads", name));
      return {};
    }
    std::this_thread::sleep_for(poll_interval);
  }
  if (!requested)
    return requested;
  return fail(errc::refused, fmt::format("the leading member didn't let {} lead; it may be down or "
                                         "behind, or the protocol's leader fixed",
                                         name));
}

} // namespace atl::node
