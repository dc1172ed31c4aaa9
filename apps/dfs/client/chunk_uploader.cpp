#include "client/chunk_uploader.hpp"

#include "client/plugin_call.hpp"
#include "client/stripe_encoder.hpp"
#include "client/striped_writes.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/net/run_here.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;
using clock = std::chrono::steady_clock;

/// The node that failed last comes first.
void note_failure(std::vector<storage_id>& failed, storage_id node) {
  std::erase(failed, node);
  failed.insert(failed.begin(), node);
}

std::vector<fragment_write> targets_of(const protocol::placement& where) {
  std::vector<fragment_write> targets;
  for (auto& target : where.targets)
    targets.push_back(
        {target.id, {target.name, target.bulk, static_cast<std::uint32_t>(targets.size())}});
  return targets;
}

} // namespace

atl::result<chunk_record> chunk_uploader::store(placement_stock& places, const scheme& by,
                                                const chunk_source& data) {
  try {
    return try_to_store(places, by, data);
  } catch (const plugin_threw& problem) {
    return fail(errc::internal, problem.what());
  }
}

atl::result<chunk_record> chunk_uploader::try_to_store(placement_stock& places, const scheme& by,
                                                       const chunk_source& data) {
  std::vector<storage_id> avoid;
  std::optional<atl::error> last_problem;
  const auto how = transfers_of(by, view_.settings());
  busy_wait waiting{how};
  auto until_noticed = how;
  until_noticed.deadline = return_timeout();
  busy_wait returning{until_noticed};
  const auto needed = by.policy.fragments_min;
  for (std::uint32_t attempt = 1;; ++attempt) {
    if (attempt > how.placements) {
      if (!may_try_again(*last_problem, waiting, returning))
        break;
      attempt = 1;
      avoid.clear();
    }
    auto where = places.take(data.size, avoid, clock::now());
    if (!where) {
      auto why = where.error();
      if (last_problem)
        why.message += "; before that: " + last_problem->message;
      return tl::unexpected{why};
    }
    if (where->targets.size() > by.policy.fragments)
      where->targets.resize(by.policy.fragments);
    auto done = write(*where, data, by, how, !last_problem);
    if (!done)
      return tl::unexpected{done.error()};
    auto& problems = done->problems;
    note_suspects(*where, problems);
    chunk_record record{where->chunk, data.size, {}, done->crc, by.id};
    for (auto& target : where->targets)
      record.nodes.push_back(problems.contains(target.id) ? no_storage : target.id);
    record.nodes.resize(by.policy.fragments, no_storage);
    auto stored = where->targets.size() - problems.size();
    // The goal is all fragments; a second attempt may find working nodes, a third is not worth its
    // time.
    if (problems.empty() || (attempt > 1 && stored >= needed))
      return record;
    for (auto& [id, problem] : problems) {
      if (problem.why.code == errc::busy && stored < needed)
        return tl::unexpected{still_busy(problem.why, how)};
      if (problem.suspect)
        note_failure(avoid, id);
      if (problem.suspect || !last_problem)
        last_problem = problem.why;
    }
    if (stored >= needed && !has_others(record, problems))
      return record; // no better nodes are available
  }
  auto code =
      last_problem && last_problem->code == errc::no_space ? errc::no_space : errc::unavailable;
  return fail(code, fmt::format("a chunk couldn't be stored on {} storage nodes: {}", needed,
                                last_problem ? last_problem->message : "they were not reached"));
}

bool chunk_uploader::can_stream(const scheme& by) {
  try {
    return stripe_encoder::is_possible(*by.recovery);
  } catch (const std::exception&) {
    return false; // what the plugin throws when it encodes is reported
  }
}

/// What takes one step is sent sooner without asking the nodes first whether they have room.
bool chunk_uploader::is_striped(const scheme& by, const chunk_source& data) {
  auto& scheme = *by.recovery;
  return can_stream(by) && (!data.is_in_memory() ||
                            data.size > stripe_encoder::step_bytes(scheme) * scheme.stripes().data);
}

atl::result<chunk_uploader::written>
chunk_uploader::write(const protocol::placement& where, const chunk_source& data, const scheme& by,
                      const atl::spi::transfer_policy& how, bool is_first_attempt) {
  fragment_writes::tools tools{connections_, progress_, latencies_,
                               timeouts_for(how, is_first_attempt), how};
  if (is_striped(by, data))
    return write_stripes(tools, where, data, by);
  auto layout = by.recovery->layout();
  auto context = atl::net::context_of_this_thread();
  fragment_writes writes{tools, context, where.chunk, by.policy.durability};
  auto targets = targets_of(where);
  auto crc = atl::crc32c(data.in_memory);
  if (layout.identical) {
    auto problems =
        atl::net::run_here(*context, writes.write_copies(std::move(targets), data.in_memory));
    return written{std::move(problems), crc};
  }
  std::string scratch;
  auto fragments = call_plugin("recovery", by.policy.recovery,
                               [&] { return by.recovery->encode(data.in_memory, scratch); });
  targets.resize(std::min(targets.size(), fragments.size()));
  auto problems = atl::net::run_here(
      *context, writes.write_fragments(std::move(targets), fragments, layout.min_write));
  return written{std::move(problems), crc};
}

/// Nodes that are busy get their fragments later, as long as too few have theirs.
atl::result<chunk_uploader::written>
chunk_uploader::write_stripes(const fragment_writes::tools& with, const protocol::placement& where,
                              const chunk_source& data, const scheme& by) {
  auto context = atl::net::context_of_this_thread();
  auto enough = std::size_t{by.recovery->layout().min_write};
  auto targets = targets_of(where);
  busy_wait waiting{with.policy};
  written all;
  for (std::size_t stored = 0;;) {
    striped_writes writes{with, context, where.chunk, by, data};
    auto failed = atl::net::run_here(*context, writes.run(targets, enough - stored));
    if (!failed)
      return tl::unexpected{failed.error()};
    all.crc = writes.crc();
    stored += targets.size() - failed->size();
    std::erase_if(targets, [&](auto& each) {
      auto problem = failed->find(each.node);
      return problem == failed->end() || problem->second.why.code != errc::busy;
    });
    for (auto& [node, problem] : *failed)
      all.problems[node] = std::move(problem);
    if (targets.empty() || stored >= enough || !waiting.pause(progress_.last()))
      return all;
    for (auto& each : targets)
      all.problems.erase(each.node);
  }
}

/// The first attempt doesn't wait for a silent node for long, because there may be others. A node
/// whose disk is slow isn't silent.
bulk_timeouts chunk_uploader::timeouts_for(const atl::spi::transfer_policy& how,
                                           bool is_first_attempt) const {
  auto timeouts = connections_.options().timeouts;
  if (is_first_attempt) {
    auto short_time = std::chrono::ceil<std::chrono::milliseconds>(how.first_timeout);
    timeouts.connect = std::min(timeouts.connect, short_time);
    timeouts.progress = std::min(timeouts.progress, short_time);
  }
  return timeouts;
}

/// The next chunks avoid a node that failed, before the masters notice.
void chunk_uploader::note_suspects(const protocol::placement& where,
                                   const failed_writes& problems) {
  for (auto& target : where.targets)
    if (auto problem = problems.find(target.id); problem == problems.end())
      suspects_.remove(target.id);
    else if (problem->second.suspect)
      suspects_.add(target.id, clock::now());
  if (!problems.empty())
    view_.refresh_soon();
}

/// Are there healthy nodes that neither have a fragment nor have failed lately?
bool chunk_uploader::has_others(const chunk_record& record, const failed_writes& problems) {
  std::set<storage_id> others_than(record.nodes.begin(), record.nodes.end());
  auto suspects = suspects_.list(clock::now());
  others_than.insert(suspects.begin(), suspects.end());
  return view_.nodes()->has_healthy(
      [&](storage_id id) { return others_than.contains(id) || problems.contains(id); });
}

/// How long nodes are tried again that can't be reached: until the masters must have noticed, and
/// then as long as the masters are asked for other nodes.
std::chrono::microseconds chunk_uploader::return_timeout() const {
  return view_.settings().links.failure_timeout + view_.settings().client_refusal_timeout;
}

/// Waits before the same nodes are tried again. Nodes that don't answer this client but report to
/// the masters (otherwise the masters would not choose them) are treated as busy; nodes that can't
/// be reached may be starting.
bool chunk_uploader::may_try_again(const atl::error& last, busy_wait& waiting,
                                   busy_wait& returning) const {
  if (last.code == errc::timeout)
    return waiting.pause(progress_.last());
  return last.code == errc::unavailable && returning.pause({});
}

atl::error chunk_uploader::still_busy(const atl::error& last,
                                      const atl::spi::transfer_policy& how) {
  return {errc::busy, fmt::format("storage nodes were busy for {} s, and nothing moved meanwhile; "
                                  "try again later, or raise client.busy_timeout: {}",
                                  how.deadline / std::chrono::seconds{1}, last.message)};
}

} // namespace dfs
