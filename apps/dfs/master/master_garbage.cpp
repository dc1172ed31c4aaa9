#include "common/clock.hpp"
#include "master/master_query.hpp"

#include <atoll/core/log.hpp>

#include <algorithm>

// How a master has what nothing refers to removed.
namespace dfs {

namespace {

/// How often there's a look for garbage that is to go at once.
constexpr auto urgent_housekeeping = std::chrono::milliseconds{500};
/// So many signs of life that an upload owes are waited for before its chunks go at once.
constexpr int renewals_awaited = 4;
/// So many times an upload can have shown itself before a new leader believes that it knows all.
constexpr int renewals_to_settle = 2;
constexpr std::uint32_t purge_limit = 2000;     ///< inodes taken apart with one command
constexpr std::size_t examine_limit = 500;      ///< fragments of a node looked at in one go
constexpr std::size_t remove_limit_max = 10000; ///< removals waiting for one node

} // namespace

void master_actor::housekeep() {
  auto now = std::chrono::steady_clock::now();
  auto& policy = settings_.policy;
  advance_collection(now);
  auto at_once = collects_at_once(now);
  auto interval =
      at_once ? std::min(policy.housekeeping, urgent_housekeeping) : policy.housekeeping;
  if (now - last_housekeeping_ < interval || submitting_)
    return;
  last_housekeeping_ = now;
  collect_garbage();
  auto horizon = wanted_horizon(now, at_once);
  auto settled = now - leads_since_ > settling_time(at_once);
  // A request that comes later has to see another round: 0 is none.
  auto target = settled && collection_.waits_for_horizon() ? collection_.target_us() : 0;
  query(questions::summary{}, [this, horizon, target](atl::result<answers::summary> summary) {
    if (!summary)
      return;
    auto moved = summary->applied != applied_at_housekeeping_ || summary->pending_removals > 0;
    auto has_old =
        std::any_of(registry_.nodes().begin(), registry_.nodes().end(), [&](auto& entry) {
          auto first = entry.second.has.lower_bound({chunk_id{summary->horizon_us, 0}, 0});
          return first != entry.second.has.end() && first->first.made_us < horizon;
        });
    if (!moved && !has_old) {
      collection_.on_horizon_reached(target, registry_, std::chrono::steady_clock::now());
      return; // an idle cluster's log doesn't grow
    }
    // The state takes no horizon beyond its own time, which this command moves on.
    auto reachable = std::max(std::min(horizon, summary->latest_us), summary->horizon_us);
    proposed_horizon_us_ = std::max(proposed_horizon_us_, reachable);
    commands::housekeep work{reachable, purge_limit,
                             static_cast<std::uint64_t>(settings_.policy.session_expiry.count())};
    submit(work, [this, target, horizon](std::string bytes) {
      auto done = decode_answer<answers::housekept>(bytes);
      if (!done)
        return;
      summary_.horizon_us = done->horizon_us;
      if (done->pending_removals > 0)
        last_housekeeping_ = {}; // there is more of it: go on at once
      else if (done->horizon_us >= std::min(horizon, target))
        collection_.on_horizon_reached(target, registry_, std::chrono::steady_clock::now());
      query(questions::summary{}, [this](atl::result<answers::summary> after) {
        if (after)
          applied_at_housekeeping_ = after->applied; // its own command is no news
      });
    });
  });
}

bool master_actor::collects_at_once(steady_time now) const {
  return collection_.is_active() ||
         placer_.lacks_space(registry_, settings_.policy.chunk_bytes, now);
}

std::chrono::microseconds master_actor::settling_time(bool at_once) const {
  auto grace = settings_.policy.grace;
  return at_once ? std::min(grace, renewals_to_settle * protocol::renewal_interval(grace)) : grace;
}

/// Uploads that began under the leader before this one are unknown here: until each of them has
/// shown itself, or may be given up, the horizon stays.
std::uint64_t master_actor::wanted_horizon(steady_time now, bool at_once) {
  if (now - leads_since_ <= settling_time(at_once))
    return summary_.horizon_us;
  auto grace = settings_.policy.grace;
  auto silence =
      at_once ? std::min(grace, renewals_awaited * protocol::renewal_interval(grace)) : grace;
  auto horizon = now_us() - (at_once ? 0 : static_cast<std::uint64_t>(grace.count()));
  if (auto oldest = placer_.oldest_upload(now, silence))
    horizon = std::min(horizon, *oldest - 1);
  return horizon;
}

void master_actor::advance_collection(steady_time now) {
  for (auto& [node, fragments] : collection_.advance(registry_, now))
    if (auto& removals = to_remove_[node]; removals.empty())
      removals.assign(fragments.begin(), fragments.end());
}

void master_actor::collect_garbage() {
  for (auto& [name, node] : registry_.nodes())
    examine_next(name);
}

void master_actor::examine_next(const std::string& name) {
  auto* node = registry_.find(name);
  if (!node || !node->complete || node->id == no_storage || examining_.contains(name) ||
      to_remove_[name].size() >= remove_limit_max)
    return;
  auto fragments = registry_.next_to_examine(*node, summary_.horizon_us, examine_limit);
  if (fragments.empty())
    return collection_.on_examined(name, collection_.pass());
  std::optional<std::uint64_t> ends_pass;
  if (fragments.size() < examine_limit)
    ends_pass = collection_.pass();
  examining_.insert(name);
  examine(name, std::move(fragments), ends_pass);
}

/// Where garbage is to go at once, the next fragments aren't left for the next look.
void master_actor::on_examined(const std::string& node, std::optional<std::uint64_t> ends_pass) {
  examining_.erase(node);
  if (ends_pass)
    collection_.on_examined(node, *ends_pass);
  else if (leads() && collects_at_once(std::chrono::steady_clock::now()))
    examine_next(node);
}

void master_actor::examine(const std::string& node,
                           std::vector<storage_registry::fragment> fragments,
                           std::optional<std::uint64_t> ends_pass) {
  questions::known question;
  for (auto& [chunk, index] : fragments)
    question.ids.push_back(chunk);
  query(question, [this, node, ends_pass, fragments = std::move(fragments)](
                      atl::result<answers::known_chunks> known) mutable {
    if (!known || known->examined == 0) {
      examining_.erase(node);
      if (auto* entry = registry_.find(node))
        entry->examined = {}; // none of them may be left out
      return;
    }
    std::vector<storage_registry::fragment> rest;
    if (known->examined < fragments.size()) {
      rest.assign(fragments.begin() + known->examined, fragments.end());
      fragments.resize(known->examined);
    }
    drop_unknown(node, fragments, known->chunks);
    if (!rest.empty())
      examine(node, std::move(rest), ends_pass);
    else
      on_examined(node, ends_pass);
  });
}

void master_actor::drop_unknown(const std::string& node,
                                const std::vector<storage_registry::fragment>& fragments,
                                const std::vector<chunk_record>& known) {
  auto* entry = registry_.find(node);
  if (!entry)
    return;
  auto wanted = [&](const storage_registry::fragment& fragment) {
    return std::any_of(known.begin(), known.end(), [&](auto& record) {
      return record.id == fragment.first && fragment.second < record.nodes.size() &&
             record.nodes[fragment.second] == entry->id;
    });
  };
  auto& removals = to_remove_[node];
  for (auto& fragment : fragments) {
    if (wanted(fragment))
      continue;
    collection_.on_unwanted(node, fragment);
    if (std::find(removals.begin(), removals.end(), fragment) == removals.end())
      removals.push_back(fragment);
  }
  if (!removals.empty())
    atl::log::info("master", node, "{} fragments that nothing refers to are to be removed",
                   removals.size());
}

} // namespace dfs
