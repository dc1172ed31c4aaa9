#include "client/job_runner.hpp"

#include "client/job_dispatch.hpp"
#include "client/storage_pool.hpp"

#include <atoll/runtime/node_description.hpp>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

namespace dfs {

namespace {

using namespace std::chrono_literals;
using atl::runtime::message_kind;

constexpr std::size_t scheduler_threads = 1;
constexpr std::uint32_t pieces_per_node = 4;
/// Each may keep a result of some MiB.
constexpr std::size_t pieces_ahead_max = 32;
/// A node that isn't connected after so long is left out at first: others may hold the chunks.
constexpr auto connect_patience = 300ms;
constexpr auto connect_poll = 2ms;
constexpr auto cancel_timeout = 5s;

atl::runtime::node_info describe(const cluster_settings& cluster) {
  atl::runtime::node_info self;
  self.cluster = cluster.name;
  self.name = "a client";
  return self;
}

atl::dispatch_options make_options(const cluster_settings& cluster) {
  atl::dispatch_options options;
  options.worker_requests_max = pieces_per_node;
  options.retries_max = 4;
  // A lost node fails a few pieces at once, and each attempt is of bounded size.
  options.budget = {.share = 1, .per_second = 100, .burst = 1000};
  options.local_domain = cluster.client_zone;
  options.seed = std::random_device{}();
  return options;
}

} // namespace

job_runner::implementation::implementation(const cluster_settings& of, control& from,
                                           storage_pool& pool, std::vector<job_node> known)
    : cluster{of}, masters{from}, storages{pool}, nodes{std::move(known)},
      actors{scheduler_threads, atl::runtime::membership{of.name, "a client", {}, of.secret}} {}

job_runner::job_runner(std::unique_ptr<implementation> impl) : impl_{std::move(impl)} {}

job_runner::~job_runner() = default;

atl::result<std::unique_ptr<job_runner>> job_runner::open(const cluster_settings& cluster,
                                                          control& masters, storage_pool& storages,
                                                          std::vector<job_node> nodes) {
  auto plugins = storages.plugins();
  if (!plugins)
    return tl::unexpected{plugins.error()};
  auto balancer = (*plugins)->make_balancer();
  if (!balancer)
    return tl::unexpected{balancer.error()};
  auto impl = std::make_unique<implementation>(cluster, masters, storages, std::move(nodes));
  atl::runtime::node_client::settings calls;
  calls.self = describe(cluster);
  calls.timeout = cancel_timeout;
  impl->calls = std::make_unique<atl::runtime::node_client>(impl->actors, std::move(calls));
  atl::runtime::dispatcher::settings settings;
  settings.name = "jobs";
  settings.balancer = std::move(*balancer);
  settings.balancer_name = (*plugins)->info().reads.name;
  settings.options = make_options(cluster);
  settings.connections = std::make_shared<atl::runtime::peer_connections>(
      *impl->actors, std::make_shared<atl::runtime::node_description>(describe(cluster)),
      cluster.links, std::random_device{}());
  impl->workers = std::make_unique<atl::runtime::dispatcher>(impl->actors, std::move(settings));
  std::vector<atl::runtime::dispatcher_worker> workers;
  for (auto& node : impl->nodes)
    workers.push_back({node.id,
                       node.name,
                       node.zone,
                       node.weight,
                       {},
                       node.where,
                       std::string{storage_role_name}});
  impl->workers->set_workers(std::move(workers));
  impl->wait_for_connections();
  return std::unique_ptr<job_runner>{new job_runner{std::move(impl)}};
}

void job_runner::implementation::wait_for_connections() {
  auto until = std::chrono::steady_clock::now() + connect_patience;
  while (workers->status().load.available < nodes.size() &&
         std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(connect_poll);
}

std::size_t job_runner::implementation::pieces_max() const {
  return std::clamp<std::size_t>(nodes.size() * pieces_per_node * 2, pieces_per_node,
                                 pieces_ahead_max);
}

void job_runner::implementation::send(std::uint64_t job, const job::job_spec& spec,
                                      const std::shared_ptr<piece_under_way>& piece) {
  auto& stored = std::get<chunk_part>(piece->part.content);
  auto& chunk = stored.chunk;
  auto fragments = static_cast<std::uint32_t>(chunk.nodes.size());
  auto body = job::encode(job::piece_request{job, spec, chunk.id, chunk.size_bytes, fragments,
                                             stored.offset_bytes + piece->done,
                                             piece->part.length_bytes - piece->done});
  atl::runtime::dispatch_terms terms;
  terms.key = chunk.id.random;
  terms.repeatable = true;
  std::ranges::copy_if(chunk.nodes, std::back_inserter(terms.among),
                       [](storage_id id) { return id != no_storage; });
  workers->defer(static_cast<message_kind>(protocol::kind::run_piece), std::move(body),
                 std::move(terms), nullptr, [this, piece](atl::result<std::string> outcome) {
                   std::lock_guard lock{mutex};
                   piece->answer = std::move(outcome);
                   changed.notify_all();
                 });
}

atl::result<std::string> job_runner::implementation::await(piece_under_way& piece) {
  std::unique_lock lock{mutex};
  changed.wait(lock, [&] { return cancelled || piece.answer.has_value(); });
  if (cancelled)
    return atl::fail(atl::errc::refused, "the job was cancelled");
  return *std::exchange(piece.answer, std::nullopt);
}

void job_runner::implementation::end_pieces(std::uint64_t job) {
  auto left = nodes.size(); ///< guarded by the mutex
  for (auto& node : nodes)
    calls->ask(node.where, std::string{storage_role_name},
               static_cast<message_kind>(protocol::kind::cancel_job),
               job::encode(job::cancel_request{job}), [&](const atl::result<std::string>&) {
                 std::lock_guard lock{mutex};
                 --left;
                 changed.notify_all();
               });
  std::unique_lock lock{mutex};
  changed.wait(lock, [&] { return left == 0; });
}

void job_runner::cancel() {
  std::lock_guard lock{impl_->mutex};
  impl_->cancelled = true;
  impl_->changed.notify_all();
}

bool job_runner::is_cancelled() const {
  std::lock_guard lock{impl_->mutex};
  return impl_->cancelled;
}

} // namespace dfs
