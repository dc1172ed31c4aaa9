#include <atoll/node/replicated_service.hpp>

#include <chrono>

// What a replica measures, for monitoring.
namespace atl::node {

void replicated_service::metrics(metric_set& into) const {
  auto view = latest_view_->get();
  if (view.self == 0)
    return; // the replica belongs to no group yet
  auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    into.gauge(std::string{"atoll_replica_"}.append(name), help, static_cast<double>(value));
  };
  auto counter = [&](std::string_view name, std::string_view help, auto value) {
    into.counter(std::string{"atoll_replica_"}.append(name), help, static_cast<double>(value));
  };
  auto& protocol = view.protocol;
  gauge("id", "The replica's id in its group.", view.self);
  gauge("leading", "Whether the replica leads its group: 1 or 0.",
        protocol.role == spi::replica_role::leader);
  gauge("leader_id", "The replica that leads; 0: not known.", protocol.leader);
  gauge("term", "The present term.", protocol.term);
  gauge("committed_index", "The last log entry that is known to be committed.", protocol.committed);
  gauge("applied_index", "The last log entry that the state contains.", view.applied);
  gauge("first_index", "The first log entry that is kept.", protocol.first);
  gauge("blocked", "Whether no write can succeed now: 1 or 0.", !protocol.blocked.empty());
  gauge("voters", "Replicas that vote.", view.voters.size());
  gauge("learners", "Replicas that learn, and don't vote.", view.learners.size());
  auto& count = view.metrics;
  counter("commits_total", "Commands answered.", count.commits);
  counter("refused_total", "Commands refused, or with an unknown outcome.", count.refused);
  counter("reads_total", "Queries answered.", count.reads);
  counter("applied_batches_total", "Batches of applied entries.", count.applied_batches);
  counter("elections_total", "Times that the replica became a candidate or the leader.",
          count.elections);
  counter("snapshots_sent_total", "Snapshots sent to other replicas.", count.snapshots_sent);
  counter("snapshots_installed_total", "Snapshots taken over from other replicas.",
          count.snapshots_taken_over);
  counter("dropped_messages_total", "Messages without a connection to send them on.",
          count.dropped_messages);
  auto& disk = view.disk;
  counter("log_syncs_total", "Times that the log was synced.", disk.syncs);
  counter("log_synced_bytes_total", "Bytes of the log that were synced.", disk.bytes);
  counter("log_sync_seconds_total", "Time that syncing the log took.",
          std::chrono::duration<double>{std::chrono::microseconds{disk.sync_us}}.count());
}

} // namespace atl::node
