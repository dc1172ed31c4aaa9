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

void add_metrics(const chunk_survey& survey, atl::metric_set& into) {
  auto& counts = survey.counts();
  if (!counts)
    return;
  auto gauge = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    into.gauge(name, help, static_cast<double>(value));
  };
  gauge("dfs_cluster_chunks", "Chunks, as the leading master counted them last.", counts->chunks);
  gauge("dfs_cluster_chunks_short", "Chunks that are short of copies.", counts->short_of_copies);
  gauge("dfs_cluster_chunks_unreadable", "Chunks with too few copies to be read.",
        counts->unreadable);
}

} // namespace dfs
