#include "master/chunk_survey.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace dfs {

namespace {

constexpr auto pause_between_passes = std::chrono::seconds{3};
constexpr std::uint32_t page_chunks_max = 1000; ///< as many ids as `queries::known` takes, or less
/// A report that was under way when a page was read may lack fragments that were stored before; the
/// next report has them.
constexpr std::uint64_t reports_to_wait_for = 2;

} // namespace

void chunk_survey::restart() {
  auto generation = generation_ + 1;
  *this = chunk_survey{std::move(is_readable_), delay_};
  generation_ = generation;
}

chunk_survey::reporting_nodes chunk_survey::find_reporting(const storage_registry& registry,
                                                           steady_time now) {
  reporting_nodes reporting;
  for (auto& [name, node] : registry.nodes())
    if (node.id != no_storage && registry.alive(node, now))
      reporting[node.id] = &node;
  return reporting;
}

std::optional<chunk_survey::query> chunk_survey::next(const storage_registry& registry,
                                                      std::uint64_t applied, steady_time now) {
  if (!not_before_)
    not_before_ = now + delay_;
  if (is_answer_due_ || now < *not_before_ || !problem_.empty())
    return std::nullopt;
  auto reporting = find_reporting(registry, now);
  basis now_basis{applied, registry.changes(), {}};
  for (auto& [id, node] : reporting)
    now_basis.reporting.push_back(id);
  is_outdated_ = is_outdated_ || (counts_ && now_basis.reporting != pass_basis_.reporting);
  if (!is_passing_ && !begin_pass(std::move(now_basis), now))
    return std::nullopt;
  if (!suspects_.empty()) {
    if (!have_reported(reporting))
      return std::nullopt;
    if (auto again = recheck(reporting))
      return again;
    finish_page(now);
    if (!is_passing_)
      return std::nullopt;
  }
  is_answer_due_ = true;
  return queries::all_chunks{after_, page_chunks_max};
}

bool chunk_survey::begin_pass(basis now_basis, steady_time now) {
  if (counts_ && now_basis == pass_basis_) {
    counted_at_ = now;
    return false;
  }
  if (counts_ && !is_outdated_ && now - counted_at_ < pause_between_passes)
    return false;
  pass_basis_ = std::move(now_basis);
  is_passing_ = true;
  so_far_ = {};
  after_ = {};
  has_more_ = true;
  return true;
}

void chunk_survey::on_page(const responses::chunk_page& page, const storage_registry& registry,
                           steady_time now) {
  is_answer_due_ = false;
  auto reporting = find_reporting(registry, now);
  for (auto& chunk : page.chunks) {
    ++so_far_.chunks;
    auto found = examine(chunk, reporting);
    if (found.is_suspect)
      suspects_.push_back({chunk, found.is_unreadable});
    else if (found.is_short)
      count_short(found.is_unreadable);
  }
  has_more_ = page.more && !page.chunks.empty();
  if (!page.chunks.empty())
    after_ = page.chunks.back().id;
  reports_at_page_.clear();
  for (auto& [id, node] : reporting)
    reports_at_page_[id] = node->reports;
  if (suspects_.empty())
    finish_page(now);
}

bool chunk_survey::have_reported(const reporting_nodes& reporting) const {
  return std::ranges::all_of(reports_at_page_, [&](auto& entry) {
    auto node = reporting.find(entry.first);
    return node == reporting.end() ||
           (node->second->reports >= entry.second + reports_to_wait_for &&
            !node->second->last.more);
  });
}

std::optional<chunk_survey::query> chunk_survey::recheck(const reporting_nodes& reporting) {
  std::vector<suspect> remaining;
  queries::known lookup;
  for (auto& chunk : suspects_) {
    auto found = examine(chunk.record, reporting);
    if (!found.is_short)
      continue;
    lookup.ids.push_back(chunk.record.id);
    remaining.push_back({std::move(chunk.record), found.is_unreadable});
  }
  suspects_ = std::move(remaining);
  if (suspects_.empty())
    return std::nullopt;
  is_answer_due_ = true;
  return lookup;
}

/// A chunk that has been removed or moved since is not short of copies.
void chunk_survey::on_known(const responses::known_chunks& answer, steady_time now) {
  is_answer_due_ = false;
  auto examined = std::min<std::size_t>(answer.examined, suspects_.size());
  if (examined == 0)
    examined = suspects_.size();
  for (std::size_t i = 0; i < examined; ++i) {
    auto& chunk = suspects_[i];
    auto known = std::ranges::find(answer.chunks, chunk.record.id, &chunk_record::id);
    if (known == answer.chunks.end())
      --so_far_.chunks;
    else if (*known == chunk.record)
      count_short(chunk.is_unreadable);
  }
  suspects_.erase(suspects_.begin(), suspects_.begin() + static_cast<std::ptrdiff_t>(examined));
  if (suspects_.empty())
    finish_page(now);
}

chunk_survey::finding chunk_survey::examine(const chunk_record& chunk,
                                            const reporting_nodes& reporting) {
  finding found;
  std::vector<bool> present;
  for (std::uint32_t index = 0; index < chunk.nodes.size(); ++index) {
    auto node = reporting.find(chunk.nodes[index]);
    auto is_living = node != reporting.end();
    // For a node whose list is incomplete, the chunk's record counts.
    auto is_unreported =
        is_living && node->second->complete && !node->second->has.contains({chunk.id, index, 0});
    found.is_suspect = found.is_suspect || is_unreported;
    present.push_back(is_living && !is_unreported);
  }
  found.is_short = std::ranges::count(present, false) > 0;
  found.is_unreadable = found.is_short && !can_be_read(chunk.policy, present);
  return found;
}

bool chunk_survey::can_be_read(policy_id policy, const std::vector<bool>& present) {
  try {
    return is_readable_(policy, present);
  } catch (const std::exception& thrown) {
    problem_ = std::string{"the recovery scheme threw: "} + thrown.what();
    counts_.reset();
    return true;
  }
}

void chunk_survey::count_short(bool is_unreadable) {
  ++so_far_.short_of_copies;
  so_far_.unreadable += is_unreadable ? 1 : 0;
}

void chunk_survey::finish_page(steady_time now) {
  if (has_more_ || !problem_.empty())
    return;
  is_passing_ = false;
  is_outdated_ = false;
  counts_ = so_far_;
  counted_at_ = now;
}

} // namespace dfs
