#include "common/clock.hpp"
#include "master/master_query.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

#include <algorithm>

// How a master removes chunks that nothing refers to.
namespace dfs {

namespace {

/// The interval of collections without the grace time.
constexpr auto urgent_collection_interval = std::chrono::milliseconds{500};
/// The number of missed renewals after which an upload's chunks may be collected without the grace
/// time.
constexpr int renewals_awaited = 4;
/// The number of renewal intervals after which a new leader knows all uploads under way.
constexpr int renewals_to_settle = 2;
/// How long the space of what was taken from the trash may need to show, until more is taken.
constexpr auto trash_emptying_interval = std::chrono::seconds{10};
/// The part of the trash, and the chunks at least, that make room at a time.
constexpr std::uint64_t trash_part = 10;
constexpr std::uint64_t trash_chunks_min = 16;
constexpr std::uint32_t reclaimed_inodes_max = 2000; ///< inodes reclaimed with one command
constexpr std::size_t looked_up_fragments_max = 500; ///< fragments of a node in one look-up
constexpr std::size_t waiting_removals_max = 10000;  ///< removals waiting for one node

} // namespace

void master_actor::start_garbage_collection() {
  auto now = std::chrono::steady_clock::now();
  auto& policy = settings_.policy;
  advance_collection(now);
  auto at_once = collects_without_grace(now);
  auto interval = at_once ? std::min(policy.collection_interval, urgent_collection_interval)
                          : policy.collection_interval;
  if (now - last_collection_ < interval || submitting_)
    return;
  last_collection_ = now;
  collect_garbage();
  auto watermark = wanted_gc_watermark(now, at_once);
  auto settled = now - leads_since_ > settling_time(at_once);
  // A later request needs another round; 0 means no round.
  auto target = settled && collection_.waits_for_watermark() ? collection_.target_us() : 0;
  query(queries::summary{}, [this, watermark, target](atl::result<responses::summary> summary) {
    if (!summary)
      return;
    auto has_expired = summary->trash_entries > 0 && summary->trash_expires_us <= now_us();
    auto discarded = trash_to_discard(*summary, std::chrono::steady_clock::now());
    auto moved = summary->applied != applied_at_collection_ || summary->pending_removals > 0 ||
                 has_expired || discarded > 0;
    auto has_old =
        std::any_of(registry_.nodes().begin(), registry_.nodes().end(), [&](auto& entry) {
          auto first = entry.second.has.lower_bound({chunk_id{summary->gc_watermark_us, 0}});
          return first != entry.second.has.end() && first->chunk.made_us < watermark;
        });
    if (!moved && !has_old) {
      collection_.on_watermark_reached(target, registry_, std::chrono::steady_clock::now());
      return; // no command, so that an idle cluster's log doesn't grow
    }
    // The state refuses a watermark beyond its own time, which this command advances.
    auto reachable = std::max(std::min(watermark, summary->latest_us), summary->gc_watermark_us);
    proposed_gc_watermark_us_ = std::max(proposed_gc_watermark_us_, reachable);
    commands::collect_garbage work{
        reachable, reclaimed_inodes_max,
        static_cast<std::uint64_t>(settings_.policy.session_expiry.count()), discarded};
    submit(work, [this, target, watermark, discarded](const std::string& bytes) {
      auto done = decode_response<responses::garbage_collected>(bytes);
      if (!done)
        return;
      summary_.gc_watermark_us = done->gc_watermark_us;
      if (discarded > 0 && done->discarded_entries > 0)
        atl::log::warning("master", "",
                          "the storage nodes are full: {} entries of the trash were removed, "
                          "those that would have expired first",
                          done->discarded_entries);
      if (done->pending_removals > 0 || done->discarded_entries > 0)
        last_collection_ = {}; // more garbage remains: continue at once
      else if (done->gc_watermark_us >= std::min(watermark, target))
        collection_.on_watermark_reached(target, registry_, std::chrono::steady_clock::now());
      query(queries::summary{}, [this](atl::result<responses::summary> after) {
        if (after)
          applied_at_collection_ = after->applied; // not a change by others
      });
    });
  });
}

/// Not before the space of what is discarded can be freed.
std::uint64_t master_actor::trash_to_discard(const responses::summary& summary, steady_time now) {
  auto is_wanted = summary.trash_entries > 0 && summary.pending_removals == 0 &&
                   now - leads_since_ > settling_time(true) &&
                   now - last_trash_emptied_ >= trash_emptying_interval &&
                   placement_.lacks_space(root_policy_id(), root_chunk_bytes(), registry_, now);
  if (!is_wanted)
    return 0;
  last_trash_emptied_ = now;
  return std::max(summary.trash_bytes / trash_part, trash_chunks_min * root_chunk_bytes());
}

bool master_actor::collects_without_grace(steady_time now) const {
  return collection_.is_active() ||
         placement_.lacks_space(root_policy_id(), root_chunk_bytes(), registry_, now);
}

std::chrono::microseconds master_actor::settling_time(bool at_once) const {
  auto grace = settings_.policy.grace;
  return at_once ? std::min(grace, renewals_to_settle * protocol::renewal_interval(grace)) : grace;
}

/// This leader doesn't know the uploads that began under a former leader, so the watermark stays
/// until each of them has been renewed or has expired.
std::uint64_t master_actor::wanted_gc_watermark(steady_time now, bool at_once) {
  if (now - leads_since_ <= settling_time(at_once))
    return summary_.gc_watermark_us;
  auto grace = settings_.policy.grace;
  auto silence =
      at_once ? std::min(grace, renewals_awaited * protocol::renewal_interval(grace)) : grace;
  auto watermark = now_us() - (at_once ? 0 : static_cast<std::uint64_t>(grace.count()));
  if (auto oldest = placement_.oldest_upload(now, silence))
    watermark = std::min(watermark, *oldest - 1);
  return watermark;
}

void master_actor::advance_collection(steady_time now) {
  for (auto& [node, fragments] : collection_.advance(registry_, now))
    if (auto& removals = to_remove_[node]; removals.empty())
      removals.assign(fragments.begin(), fragments.end());
}

void master_actor::collect_garbage() {
  for (auto& [name, node] : registry_.nodes())
    find_next_orphans(name);
}

void master_actor::find_next_orphans(const std::string& name) {
  auto* node = registry_.find(name);
  if (!node || !node->complete || node->id == no_storage || looking_up_.contains(name) ||
      to_remove_[name].size() >= waiting_removals_max)
    return;
  auto fragments =
      registry_.next_to_look_up(*node, summary_.gc_watermark_us, looked_up_fragments_max);
  if (fragments.empty())
    return collection_.on_orphans_found(name, collection_.pass());
  std::optional<std::uint64_t> ends_pass;
  if (fragments.size() < looked_up_fragments_max)
    ends_pass = collection_.pass();
  looking_up_.insert(name);
  find_orphans(name, std::move(fragments), ends_pass);
}

/// When garbage is collected without the grace time, the next fragments are looked up at once.
void master_actor::on_orphans_found(const std::string& node,
                                    std::optional<std::uint64_t> ends_pass) {
  looking_up_.erase(node);
  if (ends_pass)
    collection_.on_orphans_found(node, *ends_pass);
  else if (leads() && collects_without_grace(std::chrono::steady_clock::now()))
    find_next_orphans(node);
}

void master_actor::find_orphans(const std::string& node,
                                std::vector<storage_registry::fragment> fragments,
                                std::optional<std::uint64_t> ends_pass) {
  queries::known lookup;
  for (auto& fragment : fragments)
    lookup.ids.push_back(fragment.chunk);
  query(lookup, [this, node, ends_pass, fragments = std::move(fragments)](
                    atl::result<responses::known_chunks> known) mutable {
    if (!known || known->examined == 0) {
      looking_up_.erase(node);
      if (auto* entry = registry_.find(node))
        entry->examined = {}; // no fragment may be skipped
      return;
    }
    std::vector<storage_registry::fragment> rest;
    if (known->examined < fragments.size()) {
      rest.assign(fragments.begin() + known->examined, fragments.end());
      fragments.resize(known->examined);
    }
    schedule_deletes(node, fragments, known->chunks);
    if (!rest.empty())
      find_orphans(node, std::move(rest), ends_pass);
    else
      on_orphans_found(node, ends_pass);
  });
}

void master_actor::schedule_deletes(const std::string& node,
                                    const std::vector<storage_registry::fragment>& fragments,
                                    const std::vector<chunk_record>& known) {
  auto* entry = registry_.find(node);
  if (!entry)
    return;
  auto wanted = [&](const storage_registry::fragment& fragment) {
    return std::any_of(known.begin(), known.end(), [&](auto& record) {
      return record.id == fragment.chunk && fragment.index < record.nodes.size() &&
             record.nodes[fragment.index] == entry->id;
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
  if (removals.empty())
    return;
  atl::log::info("master", node, "{} fragments that nothing refers to are to be removed",
                 removals.size());
  hurry(node);
}

/// Orders travel in the answers to a node's heartbeats; this asks for the next one.
void master_actor::hurry(const std::string& node) {
  auto known = reports_over_.find(node);
  auto connection =
      known == reports_over_.end() ? nullptr : caf::actor_cast<caf::actor>(known->second);
  if (connection)
    tell(this, connection,
         envelope{static_cast<atl::runtime::message_kind>(protocol::kind::report_now),
                  atl::runtime::cluster_digest(settings_.self),
                  {},
                  storage_role_name});
}

} // namespace dfs
