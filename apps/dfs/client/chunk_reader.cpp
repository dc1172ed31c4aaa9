#include "client/chunk_reader.hpp"

#include "bulk/connection.hpp"
#include "client/busy_wait.hpp"
#include "client/chunk_decoder.hpp"
#include "client/plugin_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>
#include <thread>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;
using steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds pause_before_asking_again{50};

} // namespace

/// The outcome of one round over the nodes of a chunk.
struct chunk_reader::fetch_round {
  bool whole = false;
  bool unreached = false; ///< a node that may have a fragment could not be asked for it
  bool busy = false;      ///< one of these nodes was busy
  bool damaged = false;   ///< some fragments were damaged
  std::string problems;

  atl::error verdict(const chunk_id& chunk) const;
  void add_problem(const std::string& what) { problems += (problems.empty() ? "" : "; ") + what; }
};

chunk_reader::chunk_reader(cluster_view& view, connection_pool& connections,
                           transfer_progress& progress, replica_pool reads)
    : view_{view}, connections_{connections}, progress_{progress}, reads_{std::move(reads)} {}

atl::result<std::unique_ptr<chunk_reader>>
chunk_reader::make(cluster_view& view, connection_pool& connections, transfer_progress& progress) {
  auto plugins = view.plugins();
  auto balancer = plugins->make_balancer();
  if (!balancer)
    return tl::unexpected{balancer.error()};
  replica_pool reads{std::move(*balancer), plugins->info().reads.name, view.settings().client_zone,
                     std::random_device{}()};
  return std::unique_ptr<chunk_reader>{
      new chunk_reader{view, connections, progress, std::move(reads)}};
}

atl::result<std::vector<std::uint32_t>> chunk_reader::reading_order(const chunk_record& chunk,
                                                                    const node_directory& nodes) {
  std::lock_guard lock{mutex_};
  if (generation_ != nodes.generation()) {
    if (auto updated = reads_.update(nodes.views()); !updated)
      return tl::unexpected{updated.error()};
    generation_ = nodes.generation();
  }
  auto order = reads_.order(chunk.id.random, chunk.nodes);
  if (order)
    send_probes(nodes);
  return order;
}

/// Sends the probes that the balancer wants. The caller holds the mutex.
void chunk_reader::send_probes(const node_directory& nodes) {
  auto wanted = reads_.wanted_probes();
  if (wanted.empty())
    return;
  if (!prober_)
    prober_ = std::make_unique<load_prober>([this](storage_id node, const node_load& load) {
      std::lock_guard lock{mutex_};
      reads_.on_probe(node, {load.in_flight, load.read_time});
    });
  for (auto id : wanted)
    if (auto* node = nodes.find(id))
      prober_->request(id, node->target.bulk, connections_.options());
}

void chunk_reader::begin(storage_id node) {
  std::lock_guard lock{mutex_};
  reads_.begin(node);
}

/// @param outcome of a request to a node. A busy node has not failed, and the time of its reply
/// says nothing about its speed.
void chunk_reader::observe(storage_id node, read_outcome outcome,
                           std::chrono::microseconds latency) {
  std::lock_guard lock{mutex_};
  if (outcome == read_outcome::busy)
    reads_.cancel(node);
  else
    reads_.finish(node, outcome == read_outcome::ok, latency);
}

/// Errors: also corrupt for a fragment whose length isn't the scheme's.
atl::status chunk_reader::read_fragment(const chunk_record& chunk, const scheme& by,
                                        std::uint32_t index, const atl::endpoint& at,
                                        std::span<char> into) {
  auto node = chunk.nodes[index];
  begin(node);
  auto link = connections_.take(at);
  auto began = steady::now();
  fragment_key key{chunk.id, index};
  auto read = link->read_whole_fragment(key, std::as_writable_bytes(into));
  auto outcome = read                              ? read_outcome::ok
                 : read.error().code == errc::busy ? read_outcome::busy
                                                   : read_outcome::failed;
  if (read && *read != into.size())
    outcome = read_outcome::failed;
  observe(node, outcome,
          std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - began));
  if (!read && read.error().code == errc::corrupt)
    std::ignore =
        link->report_damage(key); // the node checks the copy, and moves a damaged copy aside
  connections_.give_back(std::move(link));
  if (!read)
    return tl::unexpected{read.error()};
  progress_.note();
  if (*read != into.size())
    return fail(errc::corrupt,
                fmt::format("it is {} bytes long and the scheme '{}' makes it {}: it was stored "
                            "with another scheme, or cut",
                            *read, by.policy.recovery, into.size()));
  return {};
}

/// Errors: internal if the balancer failed.
atl::result<chunk_reader::fetch_round>
chunk_reader::fetch_once(const chunk_record& chunk, const scheme& by, std::span<char> into) {
  fetch_round round;
  auto nodes = view_.nodes();
  auto order = reading_order(chunk, *nodes);
  if (!order)
    return tl::unexpected{order.error()};
  auto known = std::set<std::uint32_t>(order->begin(), order->end());
  for (std::uint32_t index = 0; index < chunk.nodes.size(); ++index)
    if (chunk.nodes[index] != no_storage && !known.contains(index)) {
      round.unreached = true;
      round.add_problem(fmt::format("fragment {} is on storage node {}, which the masters haven't "
                                    "heard of since they started",
                                    index, chunk.nodes[index]));
    }
  chunk_decoder decoder{*by.recovery, chunk, into};
  for (auto index : *order) {
    auto& at = nodes->find(chunk.nodes[index])->target.bulk;
    auto read = read_fragment(chunk, by, index, at, decoder.buffer_for(index));
    if (read) {
      round.whole = call_plugin("recovery", by.policy.recovery, [&] { return decoder.add(index); });
      if (round.whole)
        return round;
      continue;
    }
    auto code = read.error().code;
    round.damaged = round.damaged || code == errc::corrupt;
    round.busy = round.busy || code == errc::busy;
    round.unreached = round.unreached || (code != errc::corrupt && code != errc::not_found);
    round.add_problem(fmt::format("fragment {} on storage node {}: {}", index, chunk.nodes[index],
                                  read.error().message));
  }
  if (decoder.wrong_combinations() > 0) {
    round.damaged = true;
    round.add_problem(fmt::format("none of the {} combinations of fragments that were tried gives "
                                  "data with the chunk's checksum {:08x}",
                                  decoder.wrong_combinations(), chunk.crc));
  }
  return round;
}

/// The error for a chunk that can't be read from any of its nodes.
atl::error chunk_reader::fetch_round::verdict(const chunk_id& chunk) const {
  auto known = problems.empty() ? "it is stored nowhere" : problems;
  if (unreached)
    return {busy ? errc::busy : errc::unavailable,
            fmt::format("chunk {} can't be read at the moment: {}", to_string(chunk), known)};
  if (damaged)
    return {errc::corrupt, fmt::format("chunk {} is damaged, and no replica is in order: {}",
                                       to_string(chunk), known)};
  return {errc::corrupt,
          fmt::format("chunk {} is lost: all its storage nodes answered, and too few have a "
                      "fragment of it any more: {}",
                      to_string(chunk), known)};
}

atl::status chunk_reader::fetch(const chunk_record& chunk, std::span<char> into) {
  try {
    return try_to_fetch(chunk, into);
  } catch (const plugin_threw& problem) {
    return fail(errc::internal, problem.what());
  }
}

/// A master that has just started answers before the storage nodes have reported to it.
void chunk_reader::wait_for_a_holder(const chunk_record& chunk) {
  auto give_up = steady::now() + view_.settings().client_refusal_timeout;
  while (!view_.nodes()->knows_any(chunk.nodes) && steady::now() < give_up) {
    std::this_thread::sleep_for(pause_before_asking_again);
    if (!view_.refresh())
      return;
  }
}

/// Queries the masters again for a chunk's nodes: the chunk may have moved, or its file may be
/// gone.
atl::status chunk_reader::renew_record(chunk_record& chunk) {
  auto known = view_.masters().find_chunk(chunk.id);
  if (!known)
    return tl::unexpected{known.error()};
  if (!*known)
    return fail(errc::not_found,
                fmt::format("chunk {} is referred to by no file any more: the file "
                            "was removed or replaced while it was read",
                            to_string(chunk.id)));
  if ((*known)->size_bytes == chunk.size_bytes)
    chunk = std::move(**known);
  return {};
}

atl::status chunk_reader::try_to_fetch(const chunk_record& given, std::span<char> into) {
  auto chunk = given;
  auto by = view_.policies().find(chunk.policy);
  if (!by)
    return fail(by.error(), fmt::format("chunk {}", to_string(chunk.id)));
  if (chunk.nodes.size() != (*by)->policy.fragments)
    return fail(errc::corrupt,
                fmt::format("chunk {} has {} fragments, and its policy makes {}",
                            to_string(chunk.id), chunk.nodes.size(), (*by)->policy.fragments));
  busy_wait waiting{view_.settings().busy_timeout};
  for (bool asked_again = false;;) {
    auto fetched = fetch_once(chunk, **by, into);
    if (!fetched)
      return tl::unexpected{fetched.error()};
    auto& round = *fetched;
    if (round.whole)
      return {};
    if (round.busy && waiting.pause(progress_.last()))
      continue;
    if (asked_again)
      return tl::unexpected{round.verdict(chunk.id)};
    asked_again = true;
    if (!view_.refresh()) {   // a node may have come back, or have a new address
      round.unreached = true; // the chunk's present nodes are unknown
      return tl::unexpected{round.verdict(chunk.id)};
    }
    if (auto renewed = renew_record(chunk); !renewed && renewed.error().code == errc::not_found)
      return renewed;
    wait_for_a_holder(chunk);
  }
}

} // namespace dfs
