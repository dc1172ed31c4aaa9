// How a client reads a chunk: from whatever nodes give fragments that make the chunk, and what it
// says when none do.
#include "bulk/connection.hpp"
#include "client/busy_wait.hpp"
#include "client/chunk_decoder.hpp"
#include "client/plugin_call.hpp"
#include "client/storage_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <thread>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;
using steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds pause_before_asking_again{50};

} // namespace

/// The outcome of one round over the nodes of a chunk.
struct storage_pool::fetch_round {
  bool whole = false;
  bool unreached = false; ///< a node that may have a fragment could not be asked for it
  bool busy = false;      ///< one of these nodes was busy
  bool damaged = false;   ///< some fragments were damaged
  std::string problems;

  void add_problem(const std::string& what) { problems += (problems.empty() ? "" : "; ") + what; }
};

atl::result<std::vector<std::uint32_t>> storage_pool::reading_order(const chunk_record& chunk) {
  std::lock_guard lock{mutex_};
  auto order = reads_->order(chunk.id.random, chunk.nodes);
  if (order)
    send_probes();
  return order;
}

/// Errors: also corrupt for a fragment whose length isn't the scheme's.
atl::status storage_pool::read_fragment(const chunk_record& chunk, std::uint32_t index,
                                        std::span<char> into) {
  auto node = chunk.nodes[index];
  auto link = connection(node);
  auto began = steady::now();
  fragment_key key{chunk.id, index};
  auto read = link->read_whole_fragment(key, std::as_writable_bytes(into));
  auto outcome = read                                   ? read_outcome::ok
                 : read.error().code == atl::errc::busy ? read_outcome::busy
                                                        : read_outcome::failed;
  if (read && *read != into.size())
    outcome = read_outcome::failed;
  observe(node, outcome,
          std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - began));
  if (!read && read.error().code == errc::corrupt)
    std::ignore =
        link->report_damage(key); // the node checks the copy, and moves a damaged copy aside
  if (!read)
    return tl::unexpected{read.error()};
  give_back(node, std::move(link));
  note_progress();
  if (*read != into.size())
    return fail(errc::corrupt,
                fmt::format("it is {} bytes long and the scheme '{}' makes it {}: it was stored "
                            "with another scheme, or cut",
                            *read, info_.recovery.name, into.size()));
  return {};
}

/// Errors: internal if the balancer failed.
atl::result<storage_pool::fetch_round> storage_pool::fetch_once(const chunk_record& chunk,
                                                                std::span<char> into) {
  fetch_round round;
  auto order = reading_order(chunk);
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
  chunk_decoder decoder{*recovery_, chunk, into};
  for (auto index : *order) {
    auto read = read_fragment(chunk, index, decoder.buffer_for(index));
    if (read) {
      round.whole =
          call_plugin("recovery", info_.recovery.name, [&] { return decoder.add(index); });
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
atl::error storage_pool::verdict(const chunk_record& chunk, const fetch_round& round) const {
  auto problems = round.problems.empty() ? "it is stored nowhere" : round.problems;
  if (round.unreached)
    return {round.busy ? errc::busy : errc::unavailable,
            fmt::format("chunk {} can't be read at the moment: {}", to_string(chunk.id), problems)};
  if (round.damaged)
    return {errc::corrupt, fmt::format("chunk {} is damaged, and no replica is in order: {}",
                                       to_string(chunk.id), problems)};
  return {errc::corrupt,
          fmt::format("chunk {} is lost: all its storage nodes answered, and too few have a "
                      "fragment of it any more: {}",
                      to_string(chunk.id), problems)};
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

/// A master that has just started answers before the storage nodes have reported to it.
void storage_pool::wait_for_a_holder(const chunk_record& chunk) {
  auto give_up = steady::now() + cluster_.client_refusal_timeout;
  while (!knows_a_holder(chunk) && steady::now() < give_up) {
    std::this_thread::sleep_for(pause_before_asking_again);
    if (!refresh())
      return;
  }
}

/// Queries the masters again for a chunk's nodes: the chunk may have moved, or its file may be
/// gone.
atl::status storage_pool::renew_record(chunk_record& chunk) {
  auto known = masters_.query(queries::known{{chunk.id}});
  if (!known)
    return tl::unexpected{known.error()};
  if (known->chunks.empty())
    return fail(errc::not_found,
                fmt::format("chunk {} is referred to by no file any more: the file "
                            "was removed or replaced while it was read",
                            to_string(chunk.id)));
  if (known->chunks.front().size_bytes == chunk.size_bytes)
    chunk = std::move(known->chunks.front());
  return {};
}

atl::status storage_pool::try_to_fetch(const chunk_record& given, std::span<char> into) {
  auto chunk = given;
  if (auto total = recovery_->layout().total; chunk.nodes.size() != total)
    return fail(errc::refused,
                fmt::format("chunk {} has {} fragments and the scheme '{}' makes {}: it was stored "
                            "with another scheme; set recovery.plugin and recovery.options as they "
                            "were",
                            to_string(chunk.id), chunk.nodes.size(), info_.recovery.name, total));
  busy_wait waiting{cluster_.busy_timeout};
  for (bool asked_again = false;;) {
    auto fetched = fetch_once(chunk, into);
    if (!fetched)
      return tl::unexpected{fetched.error()};
    auto& round = *fetched;
    if (round.whole)
      return {};
    if (round.busy && waiting.pause(last_progress()))
      continue;
    if (asked_again)
      return tl::unexpected{verdict(chunk, round)};
    asked_again = true;
    if (!refresh()) {         // a node may have come back, or have a new address
      round.unreached = true; // the chunk's present nodes are unknown
      return tl::unexpected{verdict(chunk, round)};
    }
    if (auto renewed = renew_record(chunk); !renewed && renewed.error().code == errc::not_found)
      return renewed;
    wait_for_a_holder(chunk);
  }
}

} // namespace dfs
