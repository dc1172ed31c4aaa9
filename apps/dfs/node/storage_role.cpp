#include "node/storage_role.hpp"

#include "common/clock.hpp"
#include "node/disk_scrubs.hpp"
#include "node/job_actor.hpp"
#include "node/open_files_plan.hpp"
#include "node/storage_agent.hpp"
#include "settings/plugins.hpp"
#include "storage/chunk_store.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <utility>

namespace dfs {

namespace {

constexpr const char* chunks_part = "chunks";
constexpr std::uint32_t scrub_factor_max = 100;

/// Of one of several disks.
void add_metrics(const disk_state& disk, atl::metric_set& into) {
  auto gauge = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    into.gauge(std::string{"dfs_storage_disk_"}.append(name), help, static_cast<double>(value),
               {{"disk", disk.folder}});
  };
  gauge("failed", "Whether the disk isn't used, because it has failed: 1 or 0.",
        !disk.failure.empty());
  gauge("fragments", "Fragments of chunks on the disk.", disk.usage.chunks);
  gauge("used_bytes", "Bytes of the data of these.", disk.usage.bytes);
  gauge("free_bytes", "Bytes that may still be stored there, without the reserve.",
        disk.usage.free);
  gauge("capacity_bytes", "Bytes of its file system, less the reserve.", disk.usage.capacity);
}

/// Several folders on one file system are no protection, and their space would count twice.
void warn_of_shared_file_systems(const std::vector<atl::data_disk>& disks) {
  std::map<dev_t, std::string> seen;
  for (auto& disk : disks) {
    struct stat info = {};
    if (!disk.is_used() || ::stat(disk.path.c_str(), &info) != 0)
      continue;
    auto [first, is_new] = seen.emplace(info.st_dev, disk.path.string());
    if (!is_new)
      atl::log::warning("storage", disk.path.string(),
                        "is on the same file system as {}: their free space is counted twice, and "
                        "they will fail together",
                        first->second);
  }
}

} // namespace

atl::status storage_role::start(atl::node::node_context& node) {
  node_ = &node;
  in_group_ = !node.folder.group().empty();
  if (auto read = read_settings(); !read)
    return read;
  if (auto planned = plan_files(); !planned)
    return planned;
  if (auto set = node.set_address(self_.control, self_.control_listen); !set)
    return set;
  if (auto opened = open_store(); !opened)
    return opened;
  if (auto started = start_bulk(); !started)
    return started;
  start_jobs();
  start_repairs();
  if (auto set = set_scrub_period(); !set)
    return set;
  start_scrub();
  conversions_ = std::make_shared<conversion_worker>(
      conversion_worker::settings{self_.name, impatient(cluster_)});
  start_agent();
  return {};
}

/// The agent ends first, because it asks the server.
void storage_role::stop() {
  if (agent_)
    atl::node::end_actors(node_->actors,
                          {std::exchange(agent_, nullptr), std::exchange(jobs_, nullptr)});
  conversions_.reset();
  scrub_.reset();
  pieces_.reset();
  repairs_.reset();
  if (bulk_)
    bulk_->stop();
  bulk_.reset();
  if (store_)
    if (auto flushed = store_->flush(); !flushed)
      atl::log::error("storage", "", "{}", flushed.error().message);
  if (disks_)
    release_empty_disks();
  store_.reset();
  disks_.reset();
}

atl::node::role_health storage_role::health() const {
  using state = atl::node::role_health::state;
  if (!in_group_)
    return {state::waits, "no master has let it into a group yet"};
  if (auto failure = store_ ? store_->failure() : std::nullopt)
    return {state::failed, failure->message};
  std::string unused;
  for (auto& disk : disk_states_->get())
    if (!disk.failure.empty())
      unused += fmt::format("{}disk {} isn't used ({})", unused.empty() ? "" : ", ", disk.folder,
                            disk.failure);
  return {state::serves, unused};
}

/// The node calls it between `start` and `stop`.
void storage_role::metrics(atl::metric_set& into) const {
  auto gauge = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    into.gauge(std::string{"dfs_storage_"}.append(name), help, static_cast<double>(value));
  };
  auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    into.counter(std::string{"dfs_storage_"}.append(name), help, static_cast<double>(value));
  };
  auto usage = usage_->get();
  gauge("fragments", "Fragments of chunks that are stored.", usage.chunks);
  gauge("used_bytes", "Bytes of the fragments' data.", usage.bytes);
  gauge("free_bytes", "Bytes that may still be stored, without the reserve.", usage.free);
  gauge("capacity_bytes", "Bytes of the file system, less the reserve.", usage.capacity);
  gauge("failed", "Whether the store refuses writes because its disk failed: 1 or 0.",
        store_->failure().has_value());
  for (auto& disk : disk_states_->get())
    add_metrics(disk, into);
  counter("damaged_fragments_total", "Fragments found damaged.", usage.damaged);
  counter("removed_bytes_total", "Bytes of fragments that were removed.", usage.removed_bytes);
  gauge("repair_tasks", "Tasks of masters that run or wait.", repairs_->under_way());
  auto& rebuilds = repairs_->counters();
  counter("rebuild_read_bytes_total",
          "Bytes of other nodes' fragments read to make lost ones anew.", rebuilds.read_bytes);
  counter("rebuilt_bytes_total", "Bytes of fragments that were made anew of others.",
          rebuilds.rebuilt_bytes);
  auto scrub = scrub_->status();
  gauge("scrub_done_bytes", "Bytes read by the pass of the scrub under way, or the last one.",
        scrub.done_bytes);
  gauge("scrub_total_bytes", "Bytes that this pass has to read.", scrub.total_bytes);
  gauge("scrub_began_seconds", "When this pass began, in seconds since 1970; 0: none has yet.",
        scrub.began_us / 1'000'000);
  gauge("scrub_ended_seconds", "When the last complete pass ended; 0: none has yet.",
        scrub.ended_us / 1'000'000);
  gauge("scrub_damaged", "Fragments that this pass found damaged.", scrub.damaged);
  auto bulk = bulk_->stats();
  gauge("connections", "Connections for data that are open.", bulk.connections);
  gauge("in_flight", "Requests for data under way.", bulk.load.in_flight);
  counter("busy_total", "Connections and writes turned away because there were too many.",
          bulk.busy);
  counter("malformed_total", "Connections closed because of bytes that were no request.",
          bulk.malformed);
  counter("read_bytes_total", "Bytes sent to readers.", bulk.read_bytes);
  counter("written_bytes_total", "Bytes that writers sent.", bulk.written_bytes);
}

atl::status storage_role::read_settings() {
  auto cluster = read_cluster(node_->configuration);
  if (!cluster)
    return tl::unexpected{cluster.error()};
  cluster_ = std::move(*cluster);
  auto self = read_node(node_->configuration, cluster_);
  if (!self)
    return tl::unexpected{self.error()};
  self_ = std::move(*self);
  return {};
}

atl::status storage_role::plan_files() {
  auto disks = node_->folder.has_several_disks() ? node_->folder.disks().size() : 1;
  auto plan = plan_open_files(self_, cluster_.durability, node_->open_files_max, disks);
  if (!plan)
    return tl::unexpected{plan.error()};
  auto fewer = plan->connections < self_.connections_max
                   ? fmt::format(" instead of the {} of node.connections: raise the limit for more",
                                 self_.connections_max)
                   : std::string{};
  atl::log::info("storage", "", "may have {} files open: {} bulk connections at once{}",
                 plan->limit, plan->connections, fewer);
  self_.connections_max = plan->connections;
  self_.unproved_max = plan->unproved;
  self_.sync_backlog_max = plan->sync_backlog;
  repairs_at_once_ = plan->repairs;
  return {};
}

atl::status storage_role::open_store() {
  auto& folder = node_->folder;
  if (folder.has_several_disks())
    return open_disks();
  if (auto there = folder.check_part(chunks_part); !there)
    return there;
  auto opened = chunk_store::open(
      {(folder.path() / chunks_part).string(), self_.reserve_bytes, self_.sync_backlog_max});
  if (!opened)
    return tl::unexpected{opened.error()};
  store_ = std::move(*opened);
  return folder.note_part(chunks_part);
}

atl::status storage_role::open_disks() {
  auto& folder = node_->folder;
  auto disks = folder.disks();
  warn_of_shared_file_systems(disks);
  std::vector<multi_disk_store::disk_options> options;
  for (std::size_t i = 0; i < disks.size(); ++i) {
    auto& disk = disks[i];
    multi_disk_store::disk_options each{disk.path.string(), disk.problem};
    if (auto there = folder.check_part(i, chunks_part); !there && disk.is_used()) {
      each.problem = there.error().message;
      atl::log::error("storage", each.folder, "the node goes on without this disk: {}",
                      each.problem);
    }
    each.store.folder = (disk.path / chunks_part).string();
    each.store.reserve_bytes = self_.reserve_bytes;
    each.store.sync_backlog_max = self_.sync_backlog_max;
    options.push_back(std::move(each));
  }
  auto opened = multi_disk_store::open(std::move(options), now_us());
  if (!opened)
    return tl::unexpected{opened.error()};
  store_ = disks_ = std::move(*opened);
  for (std::size_t i = 0; i < disks.size(); ++i)
    if (disks_->store_of(i) != nullptr)
      if (auto noted = folder.note_part(i, chunks_part); !noted)
        return noted;
  return {};
}

/// A disk that holds nothing may be taken off node.data.
void storage_role::release_empty_disks() {
  for (std::size_t i = 0; i < disks_->disk_count(); ++i)
    if (disks_->is_used(i) && disks_->store_of(i)->slice({}, 1).empty())
      if (auto done = node_->folder.forget_part(i, chunks_part); !done)
        atl::log::warning("storage", "", "{}", done.error().message);
}

bulk_timeouts storage_role::timeouts() const {
  return {std::chrono::ceil<std::chrono::milliseconds>(cluster_.connect_timeout),
          std::chrono::ceil<std::chrono::milliseconds>(cluster_.transfer_timeout)};
}

atl::status storage_role::start_bulk() {
  bulk_server_options options;
  options.self.cluster = cluster_.name;
  options.self.name = self_.name;
  options.self.role = storage_role_name;
  options.self.group = node_->folder.group();
  options.secret = cluster_.secret;
  options.listen = self_.bulk_listen;
  options.connections_max = self_.connections_max;
  options.unproved_max = self_.unproved_max;
  options.write_buffer_bytes = self_.write_buffer_bytes;
  options.timeouts = timeouts();
  auto started = bulk_server::start(*store_, std::move(options));
  if (!started)
    return tl::unexpected{started.error()};
  bulk_ = std::move(*started);
  return {};
}

/// Called by the agent, which ends before the bulk server does.
atl::status storage_role::join_group(const std::string& group) {
  auto joined = node_->folder.join_group(group);
  if (joined) {
    bulk_->join_group(group);
    in_group_ = true;
  }
  return joined;
}

void storage_role::start_jobs() {
  pieces_ = std::make_shared<piece_runner>(store_);
  jobs_ = node_->actors->spawn<job_actor>(pieces_);
  node_->supervise(jobs_, "the actor of the jobs");
}

void storage_role::start_repairs() {
  repair_worker::settings settings;
  settings.store = store_;
  settings.find_scheme = [schemes = std::make_shared<scheme_library>(cluster_.plugin_path)](
                             policy_id id, const policy& what) { return schemes->find(id, what); };
  settings.reading = [this] {
    return bulk_options{bulk_->self(), cluster_.secret, {}, timeouts()};
  };
  settings.transfers = cluster_.transfers;
  settings.at_once = repairs_at_once_;
  repairs_ = std::make_shared<repair_worker>(std::move(settings));
}

std::function<std::uint32_t()> storage_role::in_flight() const {
  return [server = bulk_.get(), pieces = pieces_] {
    return server->stats().load.in_flight + static_cast<std::uint32_t>(pieces->under_way());
  };
}

/// The scheme that the cluster is configured with may want nodes to read everything more often. A
/// node doesn't know by which policy a fragment was stored.
atl::status storage_role::set_scrub_period() {
  auto& chosen = node_->plugins.at(recovery_key);
  auto scheme = chosen.create_recovery();
  if (!scheme)
    return tl::unexpected{scheme.error()};
  try {
    auto factor = std::clamp<std::uint32_t>((*scheme)->scrub_factor(), 1, scrub_factor_max);
    self_.scrub_period =
        std::max<std::chrono::microseconds>(self_.scrub_period / factor, std::chrono::seconds{1});
    if (factor > 1)
      atl::log::info("storage", "", "reads everything again within {} s, a {}th of scrub.period",
                     self_.scrub_period / std::chrono::seconds{1}, factor);
    return {};
  } catch (const std::exception& thrown) {
    return atl::fail(atl::errc::internal, fmt::format("{}: {} threw: {}", chosen.place,
                                                      chosen.plugin->title(), thrown.what()));
  }
}

void storage_role::start_scrub() {
  if (disks_)
    return start_disk_scrubs();
  scrub_host::settings settings;
  settings.store = store_;
  settings.file = (node_->folder.path() / "scrub").string();
  settings.limits = {self_.scrub_period, self_.scrub_rate_bytes};
  settings.in_flight = in_flight();
  scrub_ = std::make_shared<scrub_host>(std::move(settings));
}

/// Each disk gets an equal part of the rate.
void storage_role::start_disk_scrubs() {
  auto disks = node_->folder.disks();
  std::uint64_t used = 0;
  for (std::size_t i = 0; i < disks.size(); ++i)
    used += disks_->is_used(i) ? 1 : 0;
  std::vector<scrub_host::settings> all(disks.size());
  for (std::size_t i = 0; i < disks.size(); ++i) {
    if (disks_->store_of(i) == nullptr)
      continue;
    auto& settings = all[i];
    settings.store = std::shared_ptr<fragment_store>{disks_, disks_->store_of(i)};
    settings.file = (disks[i].path / "scrub").string();
    settings.limits = {
        self_.scrub_period,
        std::max<std::uint64_t>(self_.scrub_rate_bytes / std::max<std::uint64_t>(used, 1), 1)};
    settings.in_flight = in_flight();
    settings.is_in_use = [store = disks_, i] { return store->is_used(i); };
  }
  scrub_ = std::make_shared<disk_scrubs>(std::move(all));
}

void storage_role::start_agent() {
  auto& folder = node_->folder;
  storage_agent::settings settings;
  settings.connections = node_->connections;
  for (auto& master : cluster_.masters)
    settings.masters.push_back({master.name, master.address});
  settings.uuid = folder.uuid();
  settings.group = folder.group();
  settings.join_group = [this](const std::string& group) { return join_group(group); };
  settings.bulk = self_.bulk;
  settings.zone = self_.zone;
  settings.weight = self_.weight;
  settings.in_flight = in_flight();
  settings.jobs = jobs_;
  settings.store = store_;
  settings.repairs = repairs_;
  settings.scrub = scrub_;
  settings.on_conversions = [worker = conversions_] { worker->wake(); };
  settings.usage = usage_;
  if (disks_)
    settings.disks = disk_states_;
  settings.supervisor = node_->supervisor;
  agent_ = node_->actors->spawn<storage_agent, caf::detached>(std::move(settings));
  node_->supervise(agent_, "the actor of the storage node");
  atl::runtime::role_info role;
  role.name = storage_role_name;
  atl::runtime::tell_from_outside(node_->endpoint, atl::runtime::adopt_role{role, nullptr, agent_});
}

} // namespace dfs
