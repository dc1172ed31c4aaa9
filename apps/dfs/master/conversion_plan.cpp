#include "master/conversion_plan.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace dfs {

using protocol::conversion_outcome;
using std::chrono::seconds;

namespace {

/// No further page is asked for while so many chunks wait.
constexpr std::size_t works_max = 512;
/// Stored chunks that are remembered for other files.
constexpr std::size_t stored_max = 10'000;
/// Files with several names that one conversion remembers.
constexpr std::size_t linked_max = 100'000;
/// A storage node has so long for a chunk, then another one gets it.
constexpr seconds patience{60};
constexpr seconds pause_after_failure{10};
constexpr seconds pause_after_error{1};
constexpr std::uint32_t wait_ms = 200;

atl::spi::timestamp since_start(steady_time now) {
  return std::chrono::duration_cast<atl::spi::timestamp>(now.time_since_epoch());
}

/// Are the chunks by this policy, and together as large as that one?
bool do_replace(const std::vector<chunk_record>& stored, const chunk_record& chunk,
                policy_id policy) {
  auto left = chunk.size_bytes;
  for (const auto& each : stored) {
    if (each.policy != policy || each.size_bytes == 0 || each.size_bytes > left)
      return false;
    left -= each.size_bytes;
  }
  return left == 0;
}

} // namespace

void conversion_plan::begin_term(std::uint64_t term) {
  term_ = term;
  works_.clear();
  waiting_.clear();
  work_on_.clear();
  commits_.clear();
  committing_.clear();
  stored_.clear();
  stored_order_.clear();
  conversions_.clear();
  uncollected_ = 0;
  may_have_predecessors_ = true;
}

void conversion_plan::set_conversions(const std::vector<conversion>& wanted) {
  std::map<inode_id, progress> next;
  for (const auto& each : wanted) {
    auto known = conversions_.find(each.inode);
    if (known != conversions_.end() && known->second.what == each) {
      next.insert(conversions_.extract(known));
      continue;
    }
    auto& fresh = next[each.inode];
    fresh.what = each;
    fresh.run = ++last_id_;
    fresh.seen.inode = each.inode;
    fresh.seen.where = each.where;
    fresh.seen.begun_us = each.begun_us;
    start_pass(fresh);
  }
  conversions_ = std::move(next);
  drop_uses_of_ended();
  // Garbage is collected at the end, even if this leader finds nothing left to convert.
  if (!conversions_.empty() && std::exchange(may_have_predecessors_, false))
    uncollected_ = std::max<std::uint64_t>(uncollected_, 1);
}

void conversion_plan::set_rate(std::uint64_t bytes_a_second, time now) {
  if (bytes_a_second == rate_)
    return;
  rate_ = bytes_a_second;
  bucket_.set_rate(rate_, since_start(now));
}

// -- what is to be converted ------------------------------------------------------------------

void conversion_plan::start_pass(progress& of) const {
  of.next = queries::unconverted{of.what.is_file ? of.what.where : place{of.what.inode, {}}};
  of.has_looked = false;
  of.found = of.failed = 0;
}

std::optional<conversion_plan::page_query> conversion_plan::next_page(time now) {
  for (auto& [inode, of] : conversions_) {
    auto has_room = of.is_counting || works_.size() < works_max;
    if (of.is_asking || of.has_looked || !has_room || now < of.not_before)
      continue;
    of.is_asking = true;
    return page_query{of.run, of.next};
  }
  return std::nullopt;
}

void conversion_plan::on_page(std::uint64_t run, atl::result<responses::unconverted_page> page,
                              time now) {
  auto* of = find_run(run);
  if (of == nullptr)
    return;
  of->is_asking = false;
  if (!page) {
    auto is_gone =
        page.error().code == atl::errc::not_found || page.error().code == atl::errc::refused;
    of->not_before = now + pause_after_error;
    if (is_gone) { // what was named isn't there any more, or is something else
      of->is_counting = false;
      of->has_looked = true;
      of->found = of->pending;
    }
    return;
  }
  of->has_looked = !page->more;
  of->next.after = std::move(page->next);
  of->next.from_offset = page->next_offset;
  take_items(*of, std::move(page->items));
}

void conversion_plan::take_items(progress& of, std::vector<item> items) {
  for (auto& each : items) {
    if (each.links > 1 && of.linked.size() < linked_max &&
        of.linked.try_emplace(each.inode, each.policy).first->second != each.policy)
      continue;
    ++of.found;
    if (of.is_counting) {
      of.counted_chunks += each.chunk.size_bytes > 0 ? 1 : 0;
      of.counted_bytes += each.chunk.size_bytes;
    } else {
      add_item(of, std::move(each));
    }
  }
}

void conversion_plan::add_item(progress& of, item found) {
  ++of.pending;
  use one{of.run, std::move(found)};
  if (one.what.chunk.id == chunk_id{})
    return add_commit(one, {}, 0, {});
  chunk_key key{one.what.chunk.id, one.what.policy};
  if (auto known = stored_.find(key); known != stored_.end())
    return add_commit(one, known->second, 0, key);
  if (auto known = work_on_.find(key); known != work_on_.end()) {
    works_.at(known->second).uses.push_back(std::move(one));
    return;
  }
  auto id = ++last_id_;
  works_[id] = work{one.what.chunk, one.what.policy, {one}, {}, {}, 0};
  work_on_[key] = id;
  waiting_.push_back(id);
}

std::vector<inode_id> conversion_plan::take_finished(time now) {
  std::vector<inode_id> finished;
  for (auto& [inode, of] : conversions_) {
    if (!of.has_looked || of.is_asking || of.pending > 0)
      continue;
    if (of.found == 0) {
      finished.push_back(inode);
      continue;
    }
    if (of.failed > 0)
      of.not_before = now + pause_after_failure;
    of.is_counting = false;
    start_pass(of);
  }
  return finished;
}

conversion_plan::progress* conversion_plan::find_run(std::uint64_t run) {
  for (auto& [inode, of] : conversions_)
    if (of.run == run)
      return &of;
  return nullptr;
}

// -- what storage nodes do ----------------------------------------------------------------------

protocol::conversion_response conversion_plan::answer(const protocol::conversion_request& request,
                                                      time now) {
  for (const auto& result : request.done)
    if (result.term == term_)
      take_result(request.node, result);
  expire(now);
  protocol::conversion_response answer;
  answer.wait_ms = wait_ms;
  answer.is_over = conversions_.empty();
  auto count = std::min<std::size_t>(request.free, protocol::conversions_at_once_max);
  while (answer.orders.size() < count) {
    auto order = next_order(request.node, now);
    if (!order)
      break;
    answer.orders.push_back(std::move(*order));
  }
  return answer;
}

std::optional<protocol::conversion_order> conversion_plan::next_order(const std::string& node,
                                                                      time now) {
  if (wants_collection() || waiting_.empty() || !bucket_.is_open(since_start(now)))
    return std::nullopt;
  auto id = waiting_.front();
  waiting_.pop_front();
  auto& given = works_.at(id);
  given.node = node;
  given.expires = now + patience;
  bucket_.take(given.chunk.size_bytes, since_start(now));
  return protocol::conversion_order{id, term_, given.chunk, given.policy};
}

void conversion_plan::expire(time now) {
  for (auto& [id, each] : works_)
    if (!each.node.empty() && each.commits_left == 0 && each.expires <= now) {
      each.node.clear();
      waiting_.push_back(id);
    }
}

void conversion_plan::take_result(const std::string& node,
                                  const protocol::conversion_result& result) {
  auto known = works_.find(result.id);
  if (known == works_.end() || known->second.node != node || known->second.commits_left > 0)
    return; // another node has got the chunk meanwhile, or nobody wants it any more
  if (result.outcome == conversion_outcome::failed)
    return give_up(result.id, node + ": " + result.why);
  if (result.outcome == conversion_outcome::gone)
    return give_up(result.id, {});
  if (!do_replace(result.stored, known->second.chunk, known->second.policy))
    return give_up(result.id, node + " stored something else than it was to");
  on_stored(result.id, known->second, result.stored);
}

/// @param why empty: there is nothing to do any more, which is no failure
void conversion_plan::give_up(std::uint64_t id, const std::string& why) {
  auto gone = works_.extract(id);
  auto& it = gone.mapped();
  work_on_.erase({it.chunk.id, it.policy});
  for (auto& each : it.uses)
    if (auto* of = find_run(each.run)) {
      --of->pending;
      if (!why.empty())
        note_failure(*of, why);
    }
}

void conversion_plan::note_failure(progress& of, const std::string& why) const {
  ++of.failed;
  ++of.seen.failures;
  of.seen.problem = why;
}

/// Of conversions that an operator has stopped or ordered again. What a node stores meanwhile is
/// garbage.
void conversion_plan::drop_uses_of_ended() {
  auto has_ended = [this](const use& each) { return find_run(each.run) == nullptr; };
  for (auto at = works_.begin(); at != works_.end();) {
    auto& [id, each] = *at;
    if (each.commits_left == 0)
      std::erase_if(each.uses, has_ended);
    if (!each.uses.empty()) {
      ++at;
      continue;
    }
    work_on_.erase({each.chunk.id, each.policy});
    std::erase(waiting_, id);
    at = works_.erase(at);
  }
}

// -- what the name space takes ------------------------------------------------------------------

void conversion_plan::on_stored(std::uint64_t id, work& done,
                                const std::vector<chunk_record>& stored) {
  remember({done.chunk.id, done.policy}, stored);
  work_on_.erase({done.chunk.id, done.policy});
  done.commits_left = done.uses.size();
  for (const auto& each : done.uses)
    add_commit(each, stored, id, {});
}

void conversion_plan::remember(const chunk_key& key, const std::vector<chunk_record>& stored) {
  stored_[key] = stored;
  stored_order_.push_back(key);
  if (stored_order_.size() > stored_max) {
    stored_.erase(stored_order_.front());
    stored_order_.pop_front();
  }
}

void conversion_plan::add_commit(const use& of, std::vector<chunk_record> to, std::uint64_t work,
                                 std::optional<chunk_key> reused) {
  auto id = ++last_id_;
  auto& it = of.what;
  commits_.push_back(
      {id, {it.inode, it.offset_bytes, it.length_bytes, it.chunk.id, std::move(to), it.policy}});
  committing_[id] = {of, work, reused};
}

void conversion_plan::on_committed(std::uint64_t id, const atl::status& outcome, time now) {
  auto known = committing_.extract(id);
  if (known.empty())
    return;
  auto& [of, work, reused] = known.mapped();
  if (auto done = works_.find(work); done != works_.end() && --done->second.commits_left == 0)
    works_.erase(done);
  if (!outcome && reused)
    stored_.erase(*reused); // may have been collected: the next pass stores the chunk again
  auto* of_conversion = find_run(of.run);
  if (of_conversion == nullptr)
    return;
  --of_conversion->pending;
  auto& seen = of_conversion->seen;
  if (outcome) {
    seen.chunks += of.what.chunk.size_bytes > 0 ? 1 : 0;
    seen.bytes += of.what.chunk.size_bytes;
    uncollected_ += of.what.chunk.size_bytes;
  } else if (outcome.error().code != atl::errc::not_found) { // the file may have changed
    note_failure(*of_conversion, outcome.error().message);
    of_conversion->not_before = now + pause_after_error;
  }
}

/// Also at the end, so that what was replaced doesn't take space for longer than it must.
bool conversion_plan::wants_collection() const {
  return uncollected_ >= uncollected_max_ || (uncollected_ > 0 && conversions_.empty());
}

std::vector<protocol::conversion_view> conversion_plan::views() const {
  std::vector<protocol::conversion_view> all;
  for (auto& [inode, of] : conversions_) {
    if (all.size() == protocol::conversions_listed_max)
      break;
    auto view = of.seen;
    view.is_counted = !of.is_counting;
    view.chunks_left = of.counted_chunks - std::min(of.counted_chunks, view.chunks);
    view.bytes_left = of.counted_bytes - std::min(of.counted_bytes, view.bytes);
    all.push_back(std::move(view));
  }
  return all;
}

} // namespace dfs
