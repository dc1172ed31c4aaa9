#include "rebuild_actor.hpp"

#include <atoll/core/damaged_state.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/node/replicated_service.hpp>
#include <atoll/runtime/caf.hpp>

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

// What a replicated service does when its copy of the state is damaged.
namespace atl::node {

namespace {

/// A copy that is damaged again so soon after it was rebuilt has a disk that damages it.
constexpr auto rebuild_interval_min = std::chrono::hours{1};

} // namespace

bool replicated_service::is_alone(const group_birth& birth) const {
  return configured_.size() == 1 && birth.founders.size() == 1;
}

bool replicated_service::rebuilds_states(const group_birth& birth) const {
  auto& protocol = *node_->plugins.at(description_.consensus).plugin;
  return !is_alone(birth) && protocol.claim("rebuilds_state") == "yes";
}

/// Why the state is to be rebuilt; empty: it isn't, as far as is known without opening it.
result<std::string> replicated_service::find_damage(const group_birth& birth) const {
  auto why = noted_damage(paths_);
  if (!node_->orders.rebuild_state && why.empty())
    return why;
  if (!rebuilds_states(birth))
    return fail(errc::refused,
                fmt::format("the copy of the state can't be rebuilt, because {}",
                            is_alone(birth)
                                ? fmt::format("there is no other {}", description_.name)
                                : fmt::format("the protocol '{}' doesn't claim rebuilds_state",
                                              birth.protocol)));
  if (why.empty()) {
    why = "an operator said so";
    if (auto noted = note_damage(paths_, why); !noted)
      return tl::unexpected{noted.error()};
  }
  return why;
}

/// Called by threads of the replica. The replica is stopped after a call: by then it must be
/// decided whether it starts again.
void replicated_service::on_damaged_state(const group_birth& birth, const error& problem) {
  if (!rebuilds_states(birth))
    return;
  std::lock_guard lock{damage_mutex_};
  if (auto noted = note_damage(paths_, problem.message); !noted)
    return log::error(description_.name, "", "{}", noted.error().message);
  std::chrono::steady_clock::duration rebuilt{rebuilt_at_.load()};
  auto is_again = rebuilt.count() != 0 && std::chrono::steady_clock::now().time_since_epoch() <
                                              rebuilt + rebuild_interval_min;
  if (is_again)
    log::error(
        description_.name, "",
        "its copy of the state is damaged again, soon after it was rebuilt: look at the disk "
        "of {}; the next start rebuilds it again",
        node_->folder.path().string());
  starts_again_ = !is_again;
}

status replicated_service::start_rebuilding(const record_log::binding& bound,
                                            replica_settings settings, const std::string& why) {
  log::warning(description_.name, "",
               "takes no part until its copy of the state is rebuilt from another {}: {}",
               description_.name, why);
  if (auto aside = put_damaged_state_aside(paths_); !aside)
    return aside;
  if (!settings.stable.meta && settings.stable.records.empty()) { // nothing was ever applied
    auto state = open_service_state(bound.birth);
    if (!state)
      return tl::unexpected{state.error()};
    settings.machine = std::move(*state);
    if (auto forgotten = forget_damage(paths_); !forgotten)
      return forgotten;
    return run_replica(bound, std::move(settings));
  }
  auto query = own_query();
  query.self.id = bound.self;
  auto shared_settings = std::make_shared<replica_settings>(std::move(settings));
  waits_for_rebuild_ = true;
  admission_ = node_->actors->spawn<rebuild_actor, caf::detached>(
      waiting_settings(query),
      rebuild_actor::plan{
          bound.birth, bound.self, why, paths_.snapshots / "rebuild", node_->cluster.secret,
          [this, bound, shared_settings](spi::log_index index, const std::string& blob) {
            return take_over(bound, *shared_settings, index, blob);
          }});
  node_->supervise(admission_, "the actor that rebuilds the state");
  runtime::tell_from_outside(
      node_->endpoint,
      runtime::adopt_role{role_, nullptr, admission_, admission_, description_.admin_command});
  return {};
}

/// Starts the replica with the state of another member. @returns false: the replica can't go on
/// from that state
bool replicated_service::take_over(const record_log::binding& bound,
                                   const replica_settings& prepared, spi::log_index index,
                                   const std::string& blob) {
  std::lock_guard lock{mutex_};
  if (stopping_)
    return true;
  auto settings = prepared;
  if (!settings.protocol->rebuild_from(settings.stable, index, blob))
    return false;
  auto load = [&]() -> status {
    if (auto aside = put_damaged_state_aside(paths_); !aside) // what an attempt before this left
      return aside;
    auto state = open_service_state(bound.birth);
    if (!state)
      return tl::unexpected{state.error()};
    auto loaded = (*state)->load(paths_.snapshots / "rebuild");
    if (!loaded)
      return tl::unexpected{loaded.error()};
    if (*loaded != index)
      return fail(errc::corrupt,
                  fmt::format("it ends at entry {}, and {} was offered", *loaded, index));
    settings.machine = std::move(*state);
    return {};
  };
  if (auto loaded = load(); !loaded) {
    log::error(description_.name, "", "the state of another {} can't be taken over: {}",
               description_.name, loaded.error().message);
    return false;
  }
  settings.first_record_durable = [this, at = paths_] {
    if (auto forgotten = forget_damage(at); !forgotten)
      log::error(description_.name, "", "{}", forgotten.error().message);
  };
  std::error_code ignored; // `forget_damage` tries again
  std::filesystem::remove_all(paths_.damaged, ignored);
  log::info(description_.name, "", "its copy of the state is rebuilt, up to entry {}", index);
  waits_for_rebuild_ = false;
  rebuilt_at_ = std::chrono::steady_clock::now().time_since_epoch().count();
  if (auto started = run_replica(bound, std::move(settings)); !started)
    node_->fail(started.error());
  caf::anon_send_exit(admission_, caf::exit_reason::user_shutdown);
  admission_ = nullptr;
  return true;
}

} // namespace atl::node
