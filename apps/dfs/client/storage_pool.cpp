#include "client/storage_pool.hpp"

#include "bulk/connection.hpp"

#include <atoll/core/watched_balancer.hpp>
#include <atoll/node/plugin_host.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;
using steady = std::chrono::steady_clock;

constexpr std::size_t idle_connections_max = 4; ///< kept for each node

/// How long a read waits for its balancer, which needs microseconds unless it hangs.
constexpr std::chrono::milliseconds balancer_time_max{1000};

} // namespace

storage_pool::storage_pool(const cluster_settings& cluster, control& masters)
    : cluster_{cluster}, masters_{masters} {}

storage_pool::~storage_pool() = default;

atl::result<std::unique_ptr<storage_pool>> storage_pool::open(const cluster_settings& cluster,
                                                              control& masters) {
  std::unique_ptr<storage_pool> pool{new storage_pool{cluster, masters}};
  if (auto refreshed = pool->refresh(); !refreshed)
    return tl::unexpected{refreshed.error()};
  if (auto loaded = pool->load_plugins(); !loaded)
    return tl::unexpected{loaded.error()};
  return pool;
}

atl::result<std::shared_ptr<const atl::plugin>>
storage_pool::load(atl::spi::plugin_kind kind, const protocol::plugin_choice& choice) const {
  auto found = atl::node::make_loader(cluster_.plugin_path).load(kind, choice.name);
  if (found && (*found)->version() != choice.version)
    return fail(errc::refused,
                fmt::format("{} is version {} here and {} on the masters: install the same one",
                            (*found)->title(), (*found)->version(), choice.version));
  return found;
}

atl::status storage_pool::load_plugins() {
  auto scheme = load(atl::spi::plugin_kind::recovery, info_.recovery);
  if (!scheme)
    return tl::unexpected{scheme.error()};
  auto recovery = (*scheme)->create_recovery(info_.recovery.options);
  if (!recovery)
    return tl::unexpected{recovery.error()};
  recovery_ = std::move(*recovery);
  auto reads = make_balancer();
  if (!reads)
    return tl::unexpected{reads.error()};
  std::lock_guard lock{mutex_};
  reads_.emplace(std::move(*reads), info_.reads.name, cluster_.client_zone, std::random_device{}());
  return reads_->update(known_nodes());
}

atl::result<std::shared_ptr<atl::spi::balancer>> storage_pool::make_balancer() const {
  auto balancer = load(atl::spi::plugin_kind::balancer, info_.reads);
  if (!balancer)
    return tl::unexpected{balancer.error()};
  auto made = (*balancer)->create_balancer(info_.reads.options, std::random_device{}());
  if (!made)
    return tl::unexpected{made.error()};
  return std::make_shared<atl::watched_balancer>(std::move(*made), balancer_time_max);
}

bool storage_pool::has_whole_chunks(const chunk_record& chunk) const {
  auto layout = recovery_->layout();
  return layout.identical && layout.needed == 1 && chunk.nodes.size() == layout.total;
}

std::vector<protocol::storage_view> storage_pool::known_nodes() const {
  std::vector<protocol::storage_view> views;
  for (auto& [id, node] : nodes_)
    views.push_back(node.view);
  return views;
}

atl::status storage_pool::refresh() {
  auto info = masters_.cluster_info();
  if (!info)
    return tl::unexpected{info.error()};
  std::lock_guard lock{mutex_};
  for (auto& view : info->storages) {
    auto& node = nodes_[view.target.id];
    if (node.view.target.bulk != view.target.bulk)
      node.idle.clear();
    node.view = view;
  }
  if (reads_)
    if (auto updated = reads_->update(known_nodes()); !updated)
      return updated;
  // The settings are set once, because other threads read them without a lock.
  if (info_.cluster.empty())
    info_ = std::move(*info);
  return {};
}

// -- connections ------------------------------------------------------------------------------

bulk_options storage_pool::make_options() const {
  bulk_options options;
  options.self.cluster = cluster_.name;
  options.self.role = "client";
  options.secret = cluster_.secret;
  options.timeouts.connect = std::chrono::ceil<std::chrono::milliseconds>(cluster_.connect_timeout);
  options.timeouts.progress =
      std::chrono::ceil<std::chrono::milliseconds>(cluster_.transfer_timeout);
  return options;
}

std::unique_ptr<bulk_connection> storage_pool::connection(storage_id to) {
  std::lock_guard lock{mutex_};
  auto& node = nodes_[to];
  reads_->begin(to);
  if (node.idle.empty())
    return std::make_unique<bulk_connection>(node.view.target.bulk, make_options());
  auto taken = std::move(node.idle.back());
  node.idle.pop_back();
  return taken;
}

void storage_pool::give_back(storage_id to, std::unique_ptr<bulk_connection> connection) {
  std::lock_guard lock{mutex_};
  auto& node = nodes_[to];
  if (node.idle.size() < idle_connections_max && connection->node() == node.view.target.bulk)
    node.idle.push_back(std::move(connection));
}

/// @param outcome of a request to a node. A busy node has not failed, and the time of its reply
/// says nothing about its speed.
void storage_pool::observe(storage_id id, read_outcome outcome, std::chrono::microseconds latency) {
  std::lock_guard lock{mutex_};
  if (outcome == read_outcome::busy)
    reads_->cancel(id);
  else
    reads_->finish(id, outcome == read_outcome::ok, latency);
}

/// Sends the probes that the balancer wants. The caller holds the mutex.
void storage_pool::send_probes() {
  auto wanted = reads_->wanted_probes();
  if (wanted.empty())
    return;
  if (!prober_)
    prober_ = std::make_unique<load_prober>([this](storage_id node, const node_load& load) {
      std::lock_guard lock{mutex_};
      reads_->on_probe(node, {load.in_flight, load.read_time});
    });
  for (auto id : wanted)
    if (auto node = nodes_.find(id); node != nodes_.end())
      prober_->request(id, node->second.view.target.bulk, make_options());
}

void storage_pool::note_progress() {
  std::lock_guard lock{mutex_};
  last_progress_ = steady::now();
}

storage_pool::time_point storage_pool::last_progress() {
  std::lock_guard lock{mutex_};
  return last_progress_;
}

} // namespace dfs
