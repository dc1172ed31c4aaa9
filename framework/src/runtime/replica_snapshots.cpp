#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/replica_actor.hpp>
#include <atoll/runtime/snapshot_transfer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

// Snapshots that a replica sends and receives.
namespace atl::runtime {

void replica_actor::send_snapshot(spi::replica_id to) {
  if (!snapshot_transfer_ || !connections_.contains(to))
    return tell(this, caf::actor_cast<caf::actor>(this), snapshot_outcome{to, false});
  save_for(to, 0);
}

void replica_actor::save_for(spi::replica_id to, std::uint64_t request) {
  auto self = caf::actor_cast<caf::actor>(this);
  auto outgoing = settings_.snapshots / "outgoing";
  std::error_code failed;
  std::filesystem::create_directories(outgoing, failed); // a failure shows in `save`
  auto folder = outgoing / fmt::to_string(++snapshots_ordered_);
  runner_->save(folder, [self, to, request, folder](result<spi::log_index> index) {
    tell_from_outside(self, state_saved{to, request, folder, std::move(index)});
  });
}

void replica_actor::on_saved(state_saved& saved) {
  if (!serving_)
    return;
  if (saved.request != 0)
    return on_requested_state_saved(saved);
  auto connection = connections_.find(saved.to);
  if (!saved.index || connection == connections_.end()) {
    if (!saved.index)
      log::error(settings_.role.name, "", "{}", saved.index.error().message);
    return driver_.call([&](auto& protocol) { protocol.on_snapshot_sent(saved.to, false); });
  }
  if (auto blob = driver_.snapshot_blob(*saved.index))
    tell(this, snapshot_transfer_,
         snapshot_order{saved.to, connection->second.connection(), *saved.index, std::move(*blob),
                        std::move(saved.folder)});
}

// -- for a member whose copy of the state is damaged ------------------------------------------

namespace {

constexpr std::size_t wanted_states_max = 4; ///< at once: each is a copy of the state

} // namespace

caf::result<envelope> replica_actor::on_state_wanted(const offer_state& wanted) {
  auto& members = driver_.members();
  auto is_in = [&](auto& list) { return std::ranges::find(list, wanted.to) != list.end(); };
  if (!serving_ || !snapshot_transfer_)
    return make_reply(error_reply(errc::refused, "this replica gives no snapshots"));
  if (wanted.to == settings_.role.replica || !(is_in(members.voters) || is_in(members.learners)))
    return make_reply(error_reply(
        errc::refused, fmt::format("the group has no other member with the id {}", wanted.to)));
  if (wanted_states_.size() >= wanted_states_max)
    return make_reply(error_reply(errc::busy, "other members are being given the state"));
  auto answer = make_response_promise<envelope>();
  auto request = ++states_wanted_;
  wanted_states_.emplace(request, answer);
  save_for(wanted.to, request);
  return answer;
}

void replica_actor::on_requested_state_saved(state_saved& saved) {
  auto waiting = wanted_states_.extract(saved.request);
  if (waiting.empty())
    return;
  auto answer = waiting.mapped();
  auto blob = saved.index ? driver_.snapshot_blob(*saved.index) : std::nullopt;
  if (!blob)
    return answer.deliver(make_reply(
        error_reply(errc::unavailable, saved.index ? std::string{"this replica has stopped"}
                                                   : saved.index.error().message)));
  answer.delegate(
      snapshot_transfer_,
      snapshot_order{saved.to, {}, *saved.index, std::move(*blob), std::move(saved.folder)});
}

caf::result<envelope> replica_actor::forward_snapshot_call(snapshot_call& call) {
  auto connection = connections_.find(call.from);
  if (!serving_ || !snapshot_transfer_ || connection == connections_.end())
    return make_reply(error_reply(errc::refused, "this replica takes no snapshots"));
  if (driver_.installing() && is_snapshot_offer(call.bytes))
    return make_reply(error_reply(errc::busy, "another snapshot is being installed"));
  call.connection = connection->second.connection();
  for (auto& peer : settings_.group)
    if (peer.id == call.from)
      call.host = peer.where.host;
  auto promise = make_response_promise();
  promise.delegate(snapshot_transfer_, std::move(call));
  return promise;
}

void replica_actor::on_arrived(snapshot_arrived& arrived) {
  if (driver_.installing())
    return; // a replica keeps one snapshot at a time
  arrived_ = std::move(arrived.folder);
  driver_.on_snapshot_arrived(arrived.index, arrived.blob);
}

void replica_actor::install_snapshot(spi::log_index) {
  auto self = caf::actor_cast<caf::actor>(this);
  runner_->load(std::exchange(arrived_, {}), [self](result<spi::log_index> index) {
    tell_from_outside(self, state_loaded{std::move(index)});
  });
}

void replica_actor::on_loaded(const state_loaded& loaded) {
  if (!loaded.index)
    return stop_serving(loaded.index.error());
  flushed_ = std::max(flushed_, *loaded.index);
  ++metrics_.snapshots_taken_over;
  driver_.on_installed(*loaded.index);
}

// -- copies for actors of this process --------------------------------------------------------

namespace {

std::filesystem::path copies_in(const std::filesystem::path& snapshots) {
  return snapshots / "copies";
}

void remove_folder(const std::filesystem::path& folder) {
  std::error_code ignored; // the next start removes what is left
  std::filesystem::remove_all(folder, ignored);
}

} // namespace

void replica_actor::remove_former_copies() const {
  remove_folder(copies_in(settings_.snapshots));
}

caf::result<state_copied> replica_actor::make_copy() {
  if (!serving_)
    return state_copied{{}, fail(errc::unavailable, "this replica has stopped")};
  if (settings_.snapshots.empty())
    return state_copied{{}, fail(errc::refused, "this replica makes no copies of its state")};
  auto promise = make_response_promise<state_copied>();
  auto number = ++copies_ordered_;
  copies_.emplace(number, promise);
  auto self = caf::actor_cast<caf::actor>(this);
  auto copies = copies_in(settings_.snapshots);
  std::error_code failed;
  std::filesystem::create_directories(copies, failed); // a failure shows in `copy`
  auto folder = copies / fmt::to_string(number);
  runner_->copy(folder, [self, number, folder](result<spi::log_index> index) {
    tell_from_outside(self, copy_made{number, {folder, std::move(index)}});
  });
  return promise;
}

void replica_actor::on_copy_made(copy_made& made) {
  if (!made.outcome.index)
    remove_folder(made.outcome.folder);
  auto waiting = copies_.extract(made.copy);
  if (!waiting.empty())
    waiting.mapped().deliver(std::move(made.outcome));
}

} // namespace atl::runtime
