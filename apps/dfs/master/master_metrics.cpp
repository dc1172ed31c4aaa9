#include "master/master_metrics.hpp"

#include <array>
#include <string>
#include <utility>

namespace dfs {

void add_metrics(const storage_registry& storages, steady_time now, atl::metric_set& into) {
  enum state : std::size_t { up, failed, joining, down };
  constexpr std::array names{"up", "failed", "joining", "down"};
  std::array<std::uint64_t, names.size()> count{};
  protocol::storage_heartbeat sum;
  for (auto& [name, node] : storages.nodes()) {
    auto& last = node.last;
    ++count[!storages.alive(node, now)            ? down
            : !storage_registry::has_joined(node) ? joining
            : !last.failed.empty()                ? failed
                                                  : up];
    if (!storages.alive(node, now))
      continue;
    sum.capacity_bytes += last.capacity_bytes;
    sum.free_bytes += last.free_bytes;
    sum.used_bytes += last.used_bytes;
    sum.chunks += last.chunks;
    sum.damaged += last.damaged;
  }
  for (std::size_t i = 0; i < names.size(); ++i)
    into.gauge("dfs_cluster_storage_nodes", "Storage nodes that have reported to this master.",
               static_cast<double>(count[i]), {{"state", names[i]}});
  auto gauge = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    into.gauge(name, help, static_cast<double>(value));
  };
  gauge("dfs_cluster_capacity_bytes", "Bytes of the disks of the nodes that report.",
        sum.capacity_bytes);
  gauge("dfs_cluster_free_bytes", "Bytes that these nodes may still store.", sum.free_bytes);
  gauge("dfs_cluster_used_bytes", "Bytes of the fragments on these nodes.", sum.used_bytes);
  gauge("dfs_cluster_fragments", "Fragments of chunks on these nodes.", sum.chunks);
  gauge("dfs_cluster_damaged_fragments",
        "Fragments that these nodes found damaged since they "
        "started.",
        sum.damaged);
}

void add_metrics(const atl::keep::keeper_report& keeper, atl::metric_set& into) {
  auto gauge = [&](std::string_view name, std::string_view help, double value,
                   atl::metric_labels labels = {}) {
    into.gauge(name, help, value, std::move(labels));
  };
  auto count = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    into.counter(name, help, static_cast<double>(value));
  };
  gauge("dfs_cluster_chunks", "Chunks in the name space.", static_cast<double>(keeper.units));
  if (keeper.is_counted) {
    constexpr std::string_view help = "Chunks that aren't in order: some fragments are missing "
                                      "(degraded), the next loss loses data (critical), too few "
                                      "can be reached (lost).";
    auto redundancy = [&](std::string_view what, std::uint64_t value) {
      gauge("dfs_cluster_chunks_short", help, static_cast<double>(value),
            {{"redundancy", std::string{what}}});
    };
    redundancy("degraded", keeper.all.degraded);
    redundancy("critical", keeper.all.critical);
    redundancy("lost", keeper.all.lost);
  }
  gauge("dfs_repair_queued_chunks", "Chunks that wait for a repair or a move.",
        static_cast<double>(keeper.queued_units));
  gauge("dfs_repair_tasks", "Fragments that are being copied or rebuilt.",
        static_cast<double>(keeper.tasks));
  gauge("dfs_repair_rate_bytes", "Bytes a second that repairs and moves copied of late.",
        keeper.bytes_a_second);
  count("dfs_repair_fragments_mended_total", "Lost fragments that were made anew.",
        keeper.fragments_mended);
  count("dfs_repair_fragments_moved_total", "Fragments moved from drained or overfull nodes.",
        keeper.fragments_moved);
  count("dfs_repair_fragments_removed_total", "Copies removed because nothing refers to them.",
        keeper.fragments_removed);
  count("dfs_repair_bytes_total", "Bytes that repairs and moves copied.", keeper.bytes_copied);
  count("dfs_repair_found_damaged_total", "Damaged fragments that nodes found.",
        keeper.found_damaged);
  count("dfs_repair_found_missing_total", "Fragments that nodes should have and don't.",
        keeper.found_missing);
  count("dfs_repair_failed_total", "Repairs and moves that failed, and are tried again.",
        keeper.orders_failed);
}

} // namespace dfs
