#include "client/chunk_uploader.hpp"

#include "bulk/connection.hpp"
#include "client/busy_wait.hpp"
#include "client/plugin_call.hpp"

#include <atoll/core/crc32c.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;

constexpr int attempts_at_storing = 3;

} // namespace

atl::result<protocol::placement> chunk_uploader::place(upload_lease& upload, const scheme& by,
                                                       std::size_t bytes,
                                                       const std::vector<storage_id>& avoid) {
  auto places = view_.masters().allocate({upload.id(), 1, bytes, avoid, by.id});
  if (!places)
    return tl::unexpected{places.error()};
  upload.note_chunk(places->placements.front().chunk);
  return std::move(places->placements.front());
}

/// Sends the same bytes to several nodes in a pipeline, and records the outcome of each.
void chunk_uploader::write_pipeline(std::span<fragment_write> targets, const chunk_id& chunk,
                                    std::string_view bytes, durability how, bool await_go) {
  std::vector<write_target> wire_targets;
  for (const auto& each : targets)
    wire_targets.push_back(each.target);
  auto link = connections_.take(wire_targets.front().at);
  auto results = link->write_chunk(wire_targets, chunk, bytes, how, await_go);
  connections_.give_back(std::move(link));
  for (std::size_t i = 0; i < targets.size(); ++i) {
    // If the first node fails, the outcome of the others is unknown.
    targets[i].outcome =
        results ? (*results)[i].outcome : atl::status{tl::unexpected{results.error()}};
    if (targets[i].outcome)
      progress_.note();
  }
  // When a node in the pipeline is unreachable, all nodes downstream of it fail as well. Of a
  // trailing run of failures only the first node is a suspect.
  auto reached = targets.size();
  while (reached > 0 && !targets[reached - 1].outcome)
    --reached;
  for (std::size_t i = 0; i < targets.size(); ++i)
    targets[i].suspect = !targets[i].outcome && (results ? i <= reached : i == 0);
}

/// Retries the same nodes while some are busy: busy nodes have not failed, and fragments that are
/// stored under this chunk id stay stored.
void chunk_uploader::write_patiently(std::vector<fragment_write> targets, const chunk_id& chunk,
                                     std::string_view bytes, durability how,
                                     failed_writes& problems) {
  busy_wait waiting{view_.settings().busy_timeout};
  for (bool was_busy = false;; was_busy = true) {
    write_pipeline(targets, chunk, bytes, how, was_busy);
    std::vector<fragment_write> busy;
    for (auto& each : targets) {
      if (each.outcome)
        continue;
      if (each.outcome.error().code == errc::busy)
        busy.push_back(each);
      else
        problems[each.node] = {each.outcome.error(), each.suspect};
    }
    if (busy.empty())
      return;
    if (!waiting.pause(progress_.last())) {
      for (auto& each : busy)
        problems[each.node] = {each.outcome.error(), false};
      return;
    }
    // The busy node comes last, so that it doesn't delay the others.
    std::rotate(busy.begin(), busy.begin() + 1, busy.end());
    targets = std::move(busy);
  }
}

chunk_uploader::failed_writes chunk_uploader::write_fragments(const protocol::placement& where,
                                                              const scheme& by,
                                                              std::string_view data) {
  failed_writes problems;
  std::vector<fragment_write> targets;
  for (std::size_t i = 0; i < where.targets.size(); ++i) {
    const auto& target = where.targets[i];
    targets.push_back(
        {target.id, {target.name, target.bulk, static_cast<std::uint32_t>(i)}, {}, false});
  }
  auto& recovery = *by.recovery;
  if (recovery.layout().identical) {
    write_patiently(std::move(targets), where.chunk, data, by.policy.durability, problems);
    return problems;
  }
  std::string scratch;
  auto fragments =
      call_plugin("recovery", by.policy.recovery, [&] { return recovery.encode(data, scratch); });
  for (std::size_t i = 0; i < targets.size() && i < fragments.size(); ++i)
    write_patiently({targets[i]}, where.chunk, fragments[i], by.policy.durability, problems);
  return problems;
}

atl::result<chunk_record> chunk_uploader::store(upload_lease& upload, const scheme& by,
                                                std::string_view data) {
  try {
    return try_to_store(upload, by, data);
  } catch (const plugin_threw& problem) {
    return fail(errc::internal, problem.what());
  }
}

atl::result<chunk_record> chunk_uploader::try_to_store(upload_lease& upload, const scheme& by,
                                                       std::string_view data) {
  auto needed = by.policy.fragments_min;
  auto crc = atl::crc32c(data);
  std::vector<storage_id> avoid;
  std::optional<atl::error> last_problem;
  busy_wait waiting{view_.settings().busy_timeout};
  for (int attempt = 1;; ++attempt) {
    if (attempt > attempts_at_storing) {
      // Nodes that don't answer this client but report to the masters (otherwise the masters would
      // not choose them) are treated as busy.
      if (last_problem->code != errc::timeout || !waiting.pause(progress_.last()))
        break;
      attempt = 1;
      avoid.clear();
    }
    auto where = place(upload, by, data.size(), avoid);
    if (!where && !avoid.empty()) {
      // There are too few other nodes. A node that failed here may be back by now.
      avoid.clear();
      where = place(upload, by, data.size(), avoid);
    }
    if (!where) {
      auto why = where.error();
      if (last_problem)
        why.message += "; before that: " + last_problem->message;
      return tl::unexpected{why};
    }
    auto problems = write_fragments(*where, by, data);
    chunk_record record{where->chunk, data.size(), {}, crc, by.id};
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
        return fail(errc::busy,
                    fmt::format("storage nodes were busy for {} s, and nothing moved meanwhile; "
                                "try again later, or raise client.busy_timeout: {}",
                                view_.settings().busy_timeout / std::chrono::seconds{1},
                                problem.why.message));
      if (problem.suspect)
        avoid.push_back(id);
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

/// Are there healthy nodes that neither have a fragment nor have just failed?
bool chunk_uploader::has_others(const chunk_record& record, const failed_writes& problems) const {
  std::set<storage_id> spread(record.nodes.begin(), record.nodes.end());
  return view_.nodes()->has_healthy(
      [&](storage_id id) { return spread.contains(id) || problems.contains(id); });
}

} // namespace dfs
