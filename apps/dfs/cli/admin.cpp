#include "cli/admission.hpp"
#include "cli/commands.hpp"
#include "cli/master_standing.hpp"
#include "cli/status_text.hpp"
#include "cli/transfer_schedule.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using nlohmann::json;
using replica_ids = std::vector<atl::spi::replica_id>;
using clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds{100};
/// How long to wait for the answer of a master that was just started or is busy.
constexpr auto answer_timeout = std::chrono::seconds{10};
/// How long a learner may apply nothing new; it may be fetching a snapshot.
constexpr auto progress_timeout = std::chrono::seconds{120};
/// How long to wait until another master leads in place of a lost one.
constexpr auto takeover_timeout = std::chrono::seconds{30};

bool contains(const replica_ids& list, atl::spi::replica_id id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

/// The group as the leading master knows it.
struct group {
  replica_ids voters;
  replica_ids learners;
  json status;
};

atl::result<group> ask_group(control& masters) {
  auto status = gather_status(masters);
  if (!status)
    return tl::unexpected{status.error()};
  auto& seen = (*status)["seen_by"];
  group found{seen["voters"], seen["learners"], {}};
  found.status = std::move(*status);
  return found;
}

/// Whether a master answers. During a transfer to a master that is down the leader would refuse
/// writes in vain.
bool is_up(const group& now, atl::spi::replica_id id) {
  return std::ranges::any_of(now.status["masters"], [id](auto& master) {
    return master["id"] == id && master["health"] == "up";
  });
}

/// The id of a master in the group: a replaced master has another id than in the file.
atl::result<atl::spi::replica_id> id_of(const group& now, const cluster_settings& cluster,
                                        const std::string& name) {
  for (auto& master : now.status["masters"])
    if (master["name"] == name)
      return master["id"].get<atl::spi::replica_id>();
  for (auto& master : cluster.masters)
    if (master.name == name)
      return master.id;
  return fail(errc::not_found, fmt::format("the cluster's file names no master '{}': add it to "
                                           "[[masters]] first, with joins = true",
                                           name));
}

/// A master must answer before it is added, because the group would wait for a member that is down.
atl::status wait_until_it_answers(control& masters, const cluster_settings& cluster,
                                  const std::string& name) {
  auto give_up = clock::now() + answer_timeout;
  auto told = false;
  for (;;) {
    auto view = ask_master(masters, cluster, name);
    if (view)
      return {};
    if (clock::now() >= give_up)
      return fail(errc::unavailable,
                  fmt::format("{}; start it with 'dfsd --config FILE' and add it then; nothing was "
                              "changed",
                              view.error().message));
    if (!std::exchange(told, true))
      fmt::print(stderr, "{} doesn't answer yet; waiting up to {} s for it\n", name,
                 answer_timeout.count());
    std::this_thread::sleep_for(poll_interval);
  }
}

/// A learner's applied index, and the time since when it has not changed.
struct learning {
  std::uint64_t applied = 0;
  bool answered = false;
  std::string problem;
  clock::time_point since = clock::now();

  void note_view(const atl::result<json>& view) {
    auto before = std::pair{applied, answered};
    answered = view.has_value();
    if (answered)
      applied = (*view)["seen_by"]["applied"].get<std::uint64_t>();
    else
      problem = view.error().message;
    if (before != std::pair{applied, answered})
      since = clock::now();
  }
  bool is_given_up() const {
    return clock::now() - since >= (answered ? progress_timeout : answer_timeout);
  }
};

/// Waits until a learner has applied what was committed when the wait began.
atl::status wait_until_learnt(control& masters, const cluster_settings& cluster,
                              const std::string& name, std::uint32_t timeout_s) {
  auto give_up = clock::now() + std::chrono::seconds{timeout_s};
  std::uint64_t goal = 0;
  learning so_far;
  while (clock::now() < give_up && !so_far.is_given_up()) {
    if (auto now = ask_group(masters); now && goal == 0)
      goal = now->status["seen_by"]["committed"];
    so_far.note_view(ask_master(masters, cluster, name));
    if (so_far.answered && goal != 0 && so_far.applied >= goal)
      return {};
    std::this_thread::sleep_for(poll_interval);
  }
  auto idle = (clock::now() - so_far.since) / std::chrono::seconds{1};
  auto why = so_far.answered ? fmt::format("it has learnt {} of {} entries, and none for {} s",
                                           so_far.applied, goal, idle)
                             : so_far.problem;
  return fail(so_far.answered ? errc::timeout : errc::unavailable,
              fmt::format("{} didn't catch up ({}); it stays a learner: 'add' goes on from "
                          "there, and 'dfs admin master remove {}' lets it go again",
                          name, why, name));
}

/// Makes a learner a voter once it has caught up.
int promote(control& masters, const cluster_settings& cluster, atl::spi::replica_id id,
            const std::string& name, replica_ids voters, replica_ids learners,
            std::uint32_t timeout_s) {
  if (auto learnt = wait_until_learnt(masters, cluster, name, timeout_s); !learnt)
    return report_error(learnt.error());
  std::erase(learners, id);
  if (!contains(voters, id))
    voters.push_back(id);
  if (auto changed = masters.change_members(voters, learners); !changed)
    return report_error(changed.error());
  fmt::print("{} votes\n", name);
  return done;
}

/// The lost master may have been the leader: another master must take over first.
atl::status remove_lost(control& masters, const replica_ids& voters, const replica_ids& learners,
                        atl::spi::replica_id lost) {
  auto give_up = clock::now() + takeover_timeout;
  auto changed = masters.change_members(voters, learners, {lost});
  while (!changed && clock::now() < give_up) {
    std::this_thread::sleep_for(poll_interval);
    changed = masters.change_members(voters, learners, {lost});
  }
  return changed;
}

/// The data that `add`, `remove` and `lead` need.
struct subject {
  std::unique_ptr<control> masters;
  atl::spi::replica_id id = 0;
  group now;
};

atl::result<subject> prepare(context& with, const std::string& name) {
  auto masters = with.masters();
  if (!masters)
    return tl::unexpected{masters.error()};
  auto now = ask_group(**masters);
  if (!now)
    return tl::unexpected{now.error()};
  auto id = id_of(*now, *with.loaded, name);
  if (!id)
    return tl::unexpected{id.error()};
  return subject{std::move(*masters), *id, std::move(*now)};
}

} // namespace

int list_masters(context& with) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto now = ask_group(**masters);
  if (!now)
    return report_error(now.error());
  auto list = json::array();
  for (auto& master : now->status["masters"]) {
    json entry{{"id", master["id"]},
               {"name", master["name"]},
               {"address", master["address"]},
               {"member", master["member"]},
               {"health", master["health"]}};
    for (auto* key : {"why", "differs", "role", "applied", "behind"})
      if (master.contains(key))
        entry[key] = master[key];
    list.push_back(std::move(entry));
  }
  if (with.json) {
    fmt::print("{}\n", list.dump());
    return done;
  }
  for (auto& it : list) {
    auto line = fmt::format("{:>4}  {:<16} {:<22} {:<9} {:<5}", it["id"].get<std::uint32_t>(),
                            it["name"].get<std::string>(), it["address"].get<std::string>(),
                            it["member"].get<std::string>(), it["health"].get<std::string>());
    if (it.contains("applied") && it["member"] != not_a_member)
      line += fmt::format(" {}, {} behind", describe_role(it), it["behind"].get<std::uint64_t>());
    if (it.contains("why"))
      line += fmt::format("\n      {}", it["why"].get<std::string>());
    if (auto differences = describe_differences(it); !differences.empty())
      line += fmt::format("\n      {}", differences);
    fmt::print("{}\n", line);
  }
  return done;
}

int add_master(context& with, const std::string& name, std::uint32_t timeout_s) {
  auto it = prepare(with, name);
  if (!it)
    return report_error(it.error());
  auto [voters, learners, status] = it->now;
  if (contains(voters, it->id)) {
    fmt::print("{} is a voter already\n", name);
    return done;
  }
  if (auto answers = wait_until_it_answers(*it->masters, *with.loaded, name); !answers)
    return report_error(answers.error());
  if (!contains(learners, it->id)) {
    if (auto admitted = admit(*it->masters, *with.loaded, name, it->id); !admitted)
      return report_error(admitted.error());
    learners.push_back(it->id);
    if (auto changed = it->masters->change_members(voters, learners); !changed)
      return report_error(changed.error());
    fmt::print("{} learns\n", name);
  }
  return promote(*it->masters, *with.loaded, it->id, name, voters, learners, timeout_s);
}

int replace_master(context& with, const std::string& name, std::uint32_t timeout_s) {
  auto it = prepare(with, name);
  if (!it)
    return report_error(it.error());
  auto view = ask_master(*it->masters, *with.loaded, name);
  if (!view)
    return report_error(view.error());
  if (!view->contains("waiting"))
    return report_error(
        {errc::refused, fmt::format("{} takes part in the group with its own data folder: there is "
                                    "nothing to replace",
                                    name)});
  // The lost master is removed first: a protocol that needs every member commits nothing while the
  // lost master is one.
  auto [voters, learners, status] = it->now;
  if (std::erase(voters, it->id) + std::erase(learners, it->id) > 0) {
    if (auto removed = remove_lost(*it->masters, voters, learners, it->id); !removed)
      return report_error(removed.error());
    fmt::print("{} is no member under the id {} any more\n", name, it->id);
  }
  auto id = admit(*it->masters, *with.loaded, name, 0);
  if (!id)
    return report_error(id.error());
  if (!contains(voters, *id) && !contains(learners, *id)) {
    learners.push_back(*id);
    if (auto changed = it->masters->change_members(voters, learners); !changed)
      return report_error(changed.error());
  }
  fmt::print("{} learns, under the id {}\n", name, *id);
  return promote(*it->masters, *with.loaded, *id, name, voters, learners, timeout_s);
}

int remove_master(context& with, const std::string& name, bool lost) {
  auto it = prepare(with, name);
  if (!it)
    return report_error(it.error());
  auto [voters, learners, status] = it->now;
  if (std::erase(voters, it->id) + std::erase(learners, it->id) == 0) {
    fmt::print("{} is no member already\n", name);
    return done;
  }
  auto changed = lost ? remove_lost(*it->masters, voters, learners, it->id)
                      : it->masters->change_members(voters, learners);
  if (!changed)
    return report_error(changed.error());
  fmt::print("{} is no member any more; stop it, and never start another disk under its id\n",
             name);
  return done;
}

namespace {

/// A master keeps its list of nodes that were turned away until its next tick.
atl::status wait_until_admitted(control& masters, const std::string& folder) {
  auto give_up = clock::now() + takeover_timeout;
  while (clock::now() < give_up) {
    auto refused = false;
    for (auto& answer : masters.call_each(protocol::kind::status)) {
      auto view = answer ? json::parse(*answer, nullptr, false) : json{};
      if (view.is_object() && view.contains("turned_away"))
        for (auto& node : view["turned_away"])
          refused = refused || node["folder"] == folder;
    }
    if (!refused)
      return {};
    std::this_thread::sleep_for(poll_interval);
  }
  return fail(errc::timeout, "not all masters know of it yet; wait a moment before it is started");
}

} // namespace

int replace_storage(context& with, const std::string& name) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto status = gather_status(**masters);
  if (!status)
    return report_error(status.error());
  std::string folder;
  if (status->contains("turned_away"))
    for (auto& node : (*status)["turned_away"])
      if (node["name"] == name)
        folder = node["folder"];
  if (folder.empty())
    return report_error(
        {errc::not_found,
         fmt::format("no storage node '{}' with another data folder was turned away: "
                     "start it on its new disk first",
                     name)});
  auto registered = (*masters)->run(commands::register_storage{name, folder, true});
  if (!registered)
    return report_error(registered.error());
  if (auto known = wait_until_admitted(**masters, folder); !known)
    return report_error(known.error());
  fmt::print("{} is storage node {} from now on, with its new disk; what the former disk held is "
             "read from the other copies; start it again\n",
             name, registered->id);
  return done;
}

int lead_master(context& with, const std::string& name) {
  using step = transfer_schedule::step;
  auto it = prepare(with, name);
  if (!it)
    return report_error(it.error());
  atl::status requested;
  transfer_schedule schedule{clock::now()};
  for (auto next = schedule.next(clock::now()); next != step::give_up;
       next = schedule.next(clock::now())) {
    if (next == step::request && is_up(it->now, it->id))
      requested = it->masters->transfer_leadership(it->id);
    if (auto now = ask_group(*it->masters))
      it->now = std::move(*now);
    if (it->now.status["seen_by"]["leader"] == it->id) {
      fmt::print("{} leads\n", name);
      return done;
    }
    std::this_thread::sleep_for(poll_interval);
  }
  if (!requested)
    return report_error(requested.error());
  return report_error(
      {errc::refused, fmt::format("the leading master didn't let {} lead; it may be "
                                  "down or behind, or the protocol's leader fixed",
                                  name)});
}

} // namespace dfs::cli
