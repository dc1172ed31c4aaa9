#include "node/storage_role.hpp"

#include "node/job_actor.hpp"
#include "node/open_files_plan.hpp"
#include "node/storage_agent.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <utility>

namespace dfs {

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
  start_scrub();
  start_agent();
  return {};
}

/// The agent ends first, because it asks the server.
void storage_role::stop() {
  if (agent_)
    atl::node::end_actors(node_->actors,
                          {std::exchange(agent_, nullptr), std::exchange(jobs_, nullptr)});
  scrub_.reset();
  pieces_.reset();
  repairs_.reset();
  if (bulk_)
    bulk_->stop();
  bulk_.reset();
  if (store_)
    if (auto flushed = store_->flush(); !flushed)
      atl::log::error("storage", "", "{}", flushed.error().message);
  store_.reset();
}

atl::node::role_health storage_role::health() const {
  using state = atl::node::role_health::state;
  if (!in_group_)
    return {state::waits, "no master has let it into a group yet"};
  if (auto failure = store_ ? store_->failure() : std::nullopt)
    return {state::failed, failure->message};
  return {state::serves, {}};
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
  counter("damaged_fragments_total", "Fragments found damaged.", usage.damaged);
  counter("removed_bytes_total", "Bytes of fragments that were removed.", usage.removed_bytes);
  gauge("repair_tasks", "Tasks of masters that run or wait.", repairs_->under_way());
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
  auto plan = plan_open_files(self_, cluster_.durability, node_->open_files_max);
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
  if (auto there = folder.check_part("chunks"); !there)
    return there;
  auto opened = chunk_store::open(
      {(folder.path() / "chunks").string(), self_.reserve_bytes, self_.sync_backlog_max});
  if (!opened)
    return tl::unexpected{opened.error()};
  store_ = std::move(*opened);
  return folder.note_part("chunks");
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
  settings.at_once = repairs_at_once_;
  repairs_ = std::make_shared<repair_worker>(std::move(settings));
}

std::function<std::uint32_t()> storage_role::in_flight() const {
  return [server = bulk_.get(), pieces = pieces_] {
    return server->stats().load.in_flight + static_cast<std::uint32_t>(pieces->under_way());
  };
}

void storage_role::start_scrub() {
  scrub_host::settings settings;
  settings.store = store_;
  settings.file = (node_->folder.path() / "scrub").string();
  settings.limits = {self_.scrub_period, self_.scrub_rate_bytes};
  settings.in_flight = in_flight();
  scrub_ = std::make_shared<scrub_host>(std::move(settings));
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
  settings.usage = usage_;
  settings.supervisor = node_->supervisor;
  agent_ = node_->actors->spawn<storage_agent, caf::detached>(std::move(settings));
  node_->supervise(agent_, "the actor of the storage node");
  atl::runtime::role_info role;
  role.name = storage_role_name;
  atl::runtime::tell_from_outside(node_->endpoint, atl::runtime::adopt_role{role, nullptr, agent_});
}

} // namespace dfs
