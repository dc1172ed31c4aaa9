#include "client/storage_pool.hpp"

#include "bulk/connection.hpp"
#include "node/plugins.hpp"

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

constexpr int attempts_at_storing = 3;
constexpr std::size_t idle_connections_max = 4; ///< kept for each node
constexpr std::chrono::milliseconds pause_before_asking_again{50};

bulk_options make_options(const cluster_settings& cluster) {
  bulk_options options;
  options.cluster = cluster.name;
  options.timeouts.connect = std::chrono::ceil<std::chrono::milliseconds>(cluster.connect_timeout);
  options.timeouts.progress =
      std::chrono::ceil<std::chrono::milliseconds>(cluster.transfer_timeout);
  return options;
}

/// What a plugin threw, as this client's error.
class plugin_threw : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Calls a plugin, and notes which one it was that threw.
template <class Call>
auto call_plugin(std::string_view kind, const std::string& name, Call call) {
  try {
    return call();
  } catch (const std::exception& thrown) {
    throw plugin_threw{fmt::format("the {} plugin '{}' threw: {}; choose another, or mend it", kind,
                                   name, thrown.what())};
  }
}

} // namespace

struct storage_pool::fetched {
  std::vector<std::optional<std::string_view>> fragments; ///< by index; none: not read
  std::vector<std::string> buffers;                       ///< of those not read into place
  std::string problems;
  bool damaged = false;
};

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

atl::status storage_pool::load_plugins() {
  auto loader = make_loader(cluster_);
  auto load = [&](atl::spi::plugin_kind kind, const protocol::plugin_choice& choice)
      -> atl::result<std::shared_ptr<const atl::plugin>> {
    auto found = loader.load(kind, choice.name);
    if (found && (*found)->version() != choice.version)
      return fail(errc::refused,
                  fmt::format("{} is version {} here and {} on the masters: install the same one",
                              (*found)->title(), (*found)->version(), choice.version));
    return found;
  };
  auto scheme = load(atl::spi::plugin_kind::recovery, info_.recovery);
  if (!scheme)
    return tl::unexpected{scheme.error()};
  auto recovery = (*scheme)->create_recovery(info_.recovery.options);
  if (!recovery)
    return tl::unexpected{recovery.error()};
  recovery_ = std::move(*recovery);
  auto balancer = load(atl::spi::plugin_kind::balancer, info_.reads);
  if (!balancer)
    return tl::unexpected{balancer.error()};
  auto reads = (*balancer)->create_balancer(info_.reads.options, std::random_device{}());
  if (!reads)
    return tl::unexpected{reads.error()};
  reads_ = std::move(*reads);
  return {};
}

atl::status storage_pool::refresh() {
  auto answer = masters_.call(protocol::kind::cluster, {});
  if (!answer)
    return tl::unexpected{answer.error()};
  auto info = protocol::decode_cluster_info(*answer);
  if (!info)
    return tl::unexpected{info.error()};
  std::lock_guard lock{mutex_};
  for (auto& view : info->storages) {
    auto& node = nodes_[view.target.id];
    if (node.view.target.bulk != view.target.bulk)
      node.idle.clear();
    node.view = view;
  }
  // What is immutable while the client lives is set once: others read it without a lock.
  if (info_.cluster.empty())
    info_ = std::move(*info);
  return {};
}

// -- storing ----------------------------------------------------------------------------------

atl::result<protocol::placement> storage_pool::place(std::uint64_t upload, std::size_t bytes,
                                                     const std::vector<storage_id>& avoid) {
  auto answer =
      masters_.call(protocol::kind::allocate,
                    protocol::encode(protocol::allocate_request{upload, 1, bytes, avoid}));
  if (!answer)
    return tl::unexpected{answer.error()};
  auto room = protocol::decode_allocate_answer(*answer);
  if (!room)
    return tl::unexpected{room.error()};
  if (room->placements.size() != 1)
    return fail(errc::corrupt, "a master's answer doesn't fit the question");
  return std::move(room->placements.front());
}

std::map<storage_id, storage_pool::failed_write>
storage_pool::write_fragments(const protocol::placement& where, std::string_view data) {
  std::map<storage_id, failed_write> problems;
  std::vector<write_target> targets;
  for (std::size_t i = 0; i < where.targets.size(); ++i)
    targets.push_back(
        {where.targets[i].name, where.targets[i].bulk, static_cast<std::uint32_t>(i)});
  auto write = [&](std::size_t first, std::size_t count, std::string_view bytes) {
    std::span<const write_target> part{targets.data() + first, count};
    auto results =
        dfs::write_chunk(part, where.chunk, bytes, info_.durability, make_options(cluster_));
    // Who can't be reached takes those along that stand behind it: of the last ones that failed,
    // all of them, only the first is known to have.
    auto reached = results ? results->size() : 0;
    while (reached > 0 && !(*results)[reached - 1].outcome)
      --reached;
    for (std::size_t i = 0; i < count; ++i)
      if (i >= reached || !(*results)[i].outcome)
        problems[where.targets[first + i].id] = {results ? (*results)[i].outcome.error().message
                                                         : results.error().message,
                                                 i <= reached};
  };
  if (recovery_->layout().identical) {
    write(0, targets.size(), data);
    return problems;
  }
  std::string scratch;
  auto fragments = call_plugin("recovery", info_.recovery.name,
                               [&] { return recovery_->encode(data, scratch); });
  for (std::size_t i = 0; i < targets.size() && i < fragments.size(); ++i)
    write(i, 1, fragments[i]);
  return problems;
}

atl::result<chunk_record> storage_pool::store(std::uint64_t upload, std::string_view data) {
  try {
    return try_to_store(upload, data);
  } catch (const plugin_threw& problem) {
    return fail(errc::internal, problem.what());
  }
}

atl::result<chunk_record> storage_pool::try_to_store(std::uint64_t upload, std::string_view data) {
  auto needed = recovery_->layout().min_write;
  std::vector<storage_id> avoid;
  std::string last_problem;
  for (int attempt = 1; attempt <= attempts_at_storing; ++attempt) {
    auto where = place(upload, data.size(), avoid);
    if (!where && where.error().code == errc::refused && !avoid.empty()) {
      // There are too few others. Better one that failed here than none: it may be back by now.
      avoid.clear();
      where = place(upload, data.size(), avoid);
    }
    if (!where) {
      auto why = where.error();
      if (!last_problem.empty())
        why.message += "; before that: " + last_problem;
      return tl::unexpected{why};
    }
    auto problems = write_fragments(*where, data);
    chunk_record record{where->chunk, data.size(), {}};
    for (auto& target : where->targets)
      record.nodes.push_back(problems.contains(target.id) ? no_storage : target.id);
    record.nodes.resize(recovery_->layout().total, no_storage);
    auto stored = where->targets.size() - problems.size();
    // All of it is what was asked for; a second attempt may find nodes that work, a third not.
    if (problems.empty() || (attempt > 1 && stored >= needed))
      return record;
    for (auto& [id, problem] : problems)
      if (problem.suspect) {
        avoid.push_back(id);
        last_problem = problem.why;
      }
    if (stored >= needed) {
      std::set<storage_id> spread(record.nodes.begin(), record.nodes.end());
      std::lock_guard lock{mutex_};
      auto others = std::any_of(nodes_.begin(), nodes_.end(), [&](auto& entry) {
        return entry.second.view.healthy && !spread.contains(entry.first) &&
               !problems.contains(entry.first);
      });
      if (!others)
        return record; // there is no better place
    }
  }
  return fail(errc::unavailable, fmt::format("a chunk couldn't be stored on {} storage nodes: {}",
                                             needed, last_problem));
}

// -- reading ----------------------------------------------------------------------------------

std::unique_ptr<bulk_connection> storage_pool::connection(storage_id to) {
  std::lock_guard lock{mutex_};
  auto& node = nodes_[to];
  ++node.in_flight;
  if (node.idle.empty())
    return std::make_unique<bulk_connection>(node.view.target.bulk, make_options(cluster_));
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

void storage_pool::observe(storage_id id, bool ok, std::chrono::microseconds latency) {
  std::lock_guard lock{mutex_};
  auto& node = nodes_[id];
  --node.in_flight;
  node.latency = node.latency.count() == 0 ? latency : (node.latency * 7 + latency) / 8;
  if (!ok)
    node.view.healthy = false; // tried last from now on
  call_plugin("balancer", info_.reads.name, [&] { reads_->observe(id, {ok, latency}); });
}

std::vector<std::uint32_t> storage_pool::reading_order(const chunk_record& chunk) {
  std::lock_guard lock{mutex_};
  std::vector<atl::spi::candidate> candidates;
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < chunk.nodes.size(); ++i) {
    auto node = nodes_.find(chunk.nodes[i]);
    if (chunk.nodes[i] == no_storage || node == nodes_.end())
      continue;
    atl::spi::candidate candidate;
    candidate.id = chunk.nodes[i];
    candidate.weight = node->second.view.weight;
    candidate.in_flight = node->second.in_flight;
    candidate.latency = node->second.latency;
    candidate.free_bytes = node->second.view.free_bytes;
    candidate.healthy = node->second.view.healthy;
    candidates.push_back(std::move(candidate));
    indices.push_back(i);
  }
  std::vector<std::uint32_t> order;
  std::set<std::size_t> taken;
  auto picks = call_plugin("balancer", info_.reads.name, [&] {
    return reads_->pick_many(candidates, candidates.size(), chunk.id.random);
  });
  for (auto pick : picks)
    if (pick < indices.size() && taken.insert(pick).second)
      order.push_back(indices[pick]);
  // Those that are said to be down come last: what is said may be old.
  for (std::size_t i = 0; i < indices.size(); ++i)
    if (!taken.contains(i))
      order.push_back(indices[i]);
  return order;
}

atl::status storage_pool::read_fragment(const chunk_record& chunk, std::uint32_t index,
                                        std::span<char> into) {
  auto node = chunk.nodes[index];
  auto link = connection(node);
  auto began = steady::now();
  fragment_key key{chunk.id, index};
  auto read = link->read_fragment(key, 0, std::as_writable_bytes(into));
  auto ok = read && *read == into.size();
  observe(node, ok, std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - began));
  if (!read && read.error().code == errc::corrupt)
    std::ignore = link->report_damage(key); // it looks itself, and puts the copy aside
  if (read)
    give_back(node, std::move(link));
  if (!read)
    return tl::unexpected{read.error()};
  if (!ok)
    return fail(errc::corrupt, "it is shorter than the chunk");
  return {};
}

atl::status storage_pool::read_some(const chunk_record& chunk, fetched& so_far,
                                    std::span<char> into) {
  so_far.fragments.assign(chunk.nodes.size(), std::nullopt);
  so_far.problems.clear();
  std::vector<bool> present(chunk.nodes.size());
  auto in_place = recovery_->layout().identical;
  for (auto index : reading_order(chunk)) {
    auto size = recovery_->fragment_size(chunk.size_bytes, index);
    std::span<char> target = into;
    if (!in_place) {
      so_far.buffers.emplace_back(size, '\0');
      target = so_far.buffers.back();
    }
    auto read = read_fragment(chunk, index, target);
    if (!read) {
      so_far.damaged = so_far.damaged || read.error().code == errc::corrupt;
      so_far.problems +=
          fmt::format("{}fragment {} on storage node {}: {}", so_far.problems.empty() ? "" : "; ",
                      index, chunk.nodes[index], read.error().message);
      continue;
    }
    so_far.fragments[index] = std::string_view{target.data(), target.size()};
    present[index] = true;
    if (call_plugin("recovery", info_.recovery.name, [&] { return recovery_->enough(present); }))
      return {};
  }
  return fail(so_far.damaged ? errc::corrupt : errc::unavailable,
              fmt::format("no replica of chunk {} is in order and in reach: {}",
                          to_string(chunk.id),
                          so_far.problems.empty() ? "none is known" : so_far.problems));
}

atl::status storage_pool::fetch(const chunk_record& chunk, std::span<char> into) {
  try {
    return try_to_fetch(chunk, into);
  } catch (const plugin_threw& problem) {
    return fail(errc::internal, problem.what());
  }
}

bool storage_pool::knows_a_holder(const chunk_record& chunk) {
  std::lock_guard lock{mutex_};
  return std::any_of(chunk.nodes.begin(), chunk.nodes.end(),
                     [this](storage_id id) { return id != no_storage && nodes_.contains(id); });
}

/// A master that has just started answers before the storage nodes have reported to it, which takes
/// them moments.
void storage_pool::wait_for_a_holder(const chunk_record& chunk) {
  auto give_up = steady::now() + cluster_.client_patience;
  while (!knows_a_holder(chunk) && steady::now() < give_up) {
    std::this_thread::sleep_for(pause_before_asking_again);
    if (!refresh())
      return;
  }
}

atl::status storage_pool::try_to_fetch(const chunk_record& chunk, std::span<char> into) {
  fetched so_far;
  so_far.buffers.reserve(chunk.nodes.size()); // views into them must stay
  auto read = read_some(chunk, so_far, into);
  if (!read && refresh()) { // a node may have come back, or moved
    wait_for_a_holder(chunk);
    so_far.buffers.clear();
    read = read_some(chunk, so_far, into);
  }
  if (!read)
    return read;
  std::string scratch;
  auto whole = call_plugin("recovery", info_.recovery.name, [&] {
    return recovery_->decode(chunk.size_bytes, so_far.fragments, scratch);
  });
  if (!whole || whole->size() != into.size())
    return fail(errc::corrupt, fmt::format("chunk {} can't be decoded from the fragments read",
                                           to_string(chunk.id)));
  if (whole->data() != into.data())
    std::copy(whole->begin(), whole->end(), into.begin());
  return {};
}

} // namespace dfs
