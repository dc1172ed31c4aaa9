#include "cli/commands.hpp"
#include "cli/status_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using nlohmann::json;
using replica_ids = std::vector<atl::spi::replica_id>;
using clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds{100};
/// Until another master leads in a lost one's place.
constexpr auto takeover_patience = std::chrono::seconds{30};

bool contains(const replica_ids& list, atl::spi::replica_id id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

/// The group as the leading master knows it.
struct group {
  replica_ids voters;
  replica_ids learners;
  json status;

  std::string standing(atl::spi::replica_id id) const {
    return contains(voters, id) ? "voter" : contains(learners, id) ? "learner" : "no member";
  }
  /// @returns null where there is none of that number.
  const json* master(atl::spi::replica_id id) const {
    for (auto& it : status["masters"])
      if (it["id"] == id)
        return &it;
    return nullptr;
  }
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

atl::result<atl::spi::replica_id> id_of(const cluster_settings& cluster, const std::string& name) {
  for (auto& master : cluster.masters)
    if (master.name == name)
      return master.id;
  return fail(errc::not_found, fmt::format("the cluster's file names no master '{}': add it to "
                                           "[[masters]] first, with joins = true",
                                           name));
}

/// Waits until a learner has applied what was decided when the wait began.
atl::status wait_until_learnt(control& masters, atl::spi::replica_id id, const std::string& name,
                              std::uint32_t timeout_s) {
  auto give_up = clock::now() + std::chrono::seconds{timeout_s};
  std::uint64_t goal = 0;
  std::string problem = "it doesn't answer: is it running?";
  while (clock::now() < give_up) {
    if (auto now = ask_group(masters)) {
      if (goal == 0)
        goal = now->status["seen_by"]["decided"];
      auto* master = now->master(id);
      if (master && (*master)["health"] == "up") {
        auto applied = (*master)["applied"].get<std::uint64_t>();
        if (applied >= goal)
          return {};
        problem = fmt::format("it has learnt {} of {} entries", applied, goal);
      }
    }
    std::this_thread::sleep_for(poll_interval);
  }
  return fail(errc::timeout, fmt::format("{} didn't learn everything within {} s ({}); it stays a "
                                         "learner, and 'add' goes on from there",
                                         name, timeout_s, problem));
}

/// What `add`, `remove` and `lead` need first.
struct subject {
  std::unique_ptr<control> masters;
  atl::spi::replica_id id = 0;
  group now;
};

atl::result<subject> prepare(context& with, const std::string& name) {
  auto masters = with.masters();
  if (!masters)
    return tl::unexpected{masters.error()};
  auto id = id_of(*with.loaded, name);
  if (!id)
    return tl::unexpected{id.error()};
  auto now = ask_group(**masters);
  if (!now)
    return tl::unexpected{now.error()};
  return subject{std::move(*masters), *id, std::move(*now)};
}

} // namespace

int list_masters(context& with) {
  auto masters = with.masters();
  if (!masters)
    return complain(masters.error());
  auto now = ask_group(**masters);
  if (!now)
    return complain(now.error());
  auto list = json::array();
  for (auto& master : now->status["masters"]) {
    json entry{{"id", master["id"]},
               {"name", master["name"]},
               {"address", master["address"]},
               {"member", now->standing(master["id"])},
               {"health", master["health"]}};
    if (master.contains("applied")) {
      entry["role"] = master["role"];
      entry["applied"] = master["applied"];
      entry["behind"] = master["behind"];
    }
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
    if (it.contains("applied"))
      line += fmt::format(" {}, entry {}, {} behind", it["role"].get<std::string>(),
                          it["applied"].get<std::uint64_t>(), it["behind"].get<std::uint64_t>());
    fmt::print("{}\n", line);
  }
  return done;
}

int add_master(context& with, const std::string& name, std::uint32_t timeout_s) {
  auto it = prepare(with, name);
  if (!it)
    return complain(it.error());
  auto [voters, learners, status] = it->now;
  if (contains(voters, it->id)) {
    fmt::print("{} is a voter already\n", name);
    return done;
  }
  if (!contains(learners, it->id)) {
    learners.push_back(it->id);
    if (auto changed = it->masters->change_members(voters, learners); !changed)
      return complain(changed.error());
    fmt::print("{} learns\n", name);
  }
  if (auto learnt = wait_until_learnt(*it->masters, it->id, name, timeout_s); !learnt)
    return complain(learnt.error());
  std::erase(learners, it->id);
  voters.push_back(it->id);
  if (auto changed = it->masters->change_members(voters, learners); !changed)
    return complain(changed.error());
  fmt::print("{} votes\n", name);
  return done;
}

int remove_master(context& with, const std::string& name, bool lost) {
  auto it = prepare(with, name);
  if (!it)
    return complain(it.error());
  auto [voters, learners, status] = it->now;
  if (std::erase(voters, it->id) + std::erase(learners, it->id) == 0) {
    fmt::print("{} is no member already\n", name);
    return done;
  }
  auto gone = lost ? replica_ids{it->id} : replica_ids{};
  auto give_up = clock::now() + takeover_patience;
  auto changed = it->masters->change_members(voters, learners, gone);
  // Who led may be the one that is lost: another one takes over first.
  while (lost && !changed && clock::now() < give_up) {
    std::this_thread::sleep_for(poll_interval);
    changed = it->masters->change_members(voters, learners, gone);
  }
  if (!changed)
    return complain(changed.error());
  fmt::print("{} is no member any more; stop it, and never start another disk under its id\n",
             name);
  return done;
}

int lead_master(context& with, const std::string& name) {
  auto it = prepare(with, name);
  if (!it)
    return complain(it.error());
  if (auto asked = it->masters->transfer_leadership(it->id); !asked)
    return complain(asked.error());
  auto give_up = clock::now() + std::chrono::seconds{10};
  while (clock::now() < give_up) {
    auto now = ask_group(*it->masters);
    if (now && now->status["seen_by"]["leader"] == it->id) {
      fmt::print("{} leads\n", name);
      return done;
    }
    std::this_thread::sleep_for(poll_interval);
  }
  return complain({errc::refused, fmt::format("the leading master didn't let {} lead; it may be "
                                              "behind, or the protocol's leader fixed",
                                              name)});
}

} // namespace dfs::cli
