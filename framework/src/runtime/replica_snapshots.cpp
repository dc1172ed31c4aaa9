#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/replica_actor.hpp>
#include <atoll/runtime/snapshot_transfer.hpp>

#include <fmt/format.h>

#include <utility>

// Snapshots that a replica sends and receives.
namespace atl::runtime {

void replica_actor::send_snapshot(spi::replica_id to) {
  auto self = caf::actor_cast<caf::actor>(this);
  if (!snapshot_transfer_ || !connections_.contains(to))
    return tell(this, self, snapshot_outcome{to, false});
  auto outgoing = settings_.snapshots / "outgoing";
  std::error_code failed;
  std::filesystem::create_directories(outgoing, failed); // a failure shows in `save`
  auto folder = outgoing / fmt::to_string(++snapshots_ordered_);
  runner_->save(folder, [self, to, folder](result<spi::log_index> index) {
    tell_from_outside(self, state_saved{to, folder, std::move(index)});
  });
}

void replica_actor::on_saved(state_saved& saved) {
  if (!serving_)
    return;
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

} // namespace atl::runtime
