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

} // namespace

void master_actor::start_garbage_collection() {
  auto now = std::chrono::steady_clock::now();
  auto& policy = settings_.policy;
  advance_collection(now);
  auto at_once = collects_without_grace(now);
  auto interval = at_once ? std::min(policy.collection_interval, urgent_collection_interval)
                          : policy.collection_interval;
  if (now - last_collection_ < interval || commands_.is_busy())
    return;
  last_collection_ = now;
  auto watermark = wanted_gc_watermark(now, at_once);
  auto settled = now - leads_since_ > settling_time(at_once);
  // A later request needs another round; 0 means no round.
  auto target = settled && collection_.waits_for_watermark() ? collection_.target_us() : 0;
  query(queries::summary{}, [this, watermark, target,
                             at_once](atl::result<responses::summary> summary) {
    if (!summary)
      return;
    // Chunks that nothing refers to are at most as young as the last change, or the last chunk that
    // this master, or the one before it, placed.
    auto has_expired = summary->trash_entries > 0 && summary->trash_expires_us <= now_us();
    auto discarded = trash_to_discard(*summary, std::chrono::steady_clock::now());
    auto moved = summary->applied != applied_at_collection_ || summary->pending_removals > 0 ||
                 has_expired || discarded > 0;
    if (moved)
      garbage_until_us_ = std::max(garbage_until_us_, now_us());
    garbage_until_us_ = std::max(garbage_until_us_, placement_.last_made_us());
    auto has_old =
        (summary->gc_watermark_us <= garbage_until_us_ && watermark > garbage_until_us_) ||
        summary->gc_watermark_us < std::min(watermark, target);
    if (!moved && !has_old) {
      keeper_.on_watermark(summary->gc_watermark_us, std::chrono::steady_clock::now());
      collection_.on_watermark_reached(target);
      return; // no command, so that an idle cluster's log doesn't grow
    }
    // The state refuses a watermark beyond its own time, which this command advances.
    auto reachable = std::max(std::min(watermark, summary->latest_us), summary->gc_watermark_us);
    proposed_gc_watermark_us_ = std::max(proposed_gc_watermark_us_, reachable);
    commands::collect_garbage work{
        reachable, reclaimed_inodes_max,
        static_cast<std::uint64_t>(settings_.policy.session_expiry.count()), discarded};
    submit(work, [this, target, watermark, at_once, discarded](const std::string& bytes) {
      auto done = decode_response<responses::garbage_collected>(bytes);
      if (!done)
        return;
      summary_.gc_watermark_us = done->gc_watermark_us;
      keeper_.on_watermark(done->gc_watermark_us, std::chrono::steady_clock::now());
      if (at_once) // without the pause between audits
        keeper_.request_audit(std::chrono::steady_clock::now());
      if (discarded > 0 && done->discarded_entries > 0)
        atl::log::warning("master", "",
                          "the storage nodes are full: {} entries of the trash were removed, "
                          "those that would have expired first",
                          done->discarded_entries);
      if (done->pending_removals > 0 || done->discarded_entries > 0)
        last_collection_ = {}; // more garbage remains: continue at once
      else if (done->gc_watermark_us >= std::min(watermark, target))
        collection_.on_watermark_reached(target);
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
  auto so_far = keeper_progress();
  collection_.advance(registry_, so_far, now);
  if (collection_.wants_audit())
    collection_.on_audit_begun(keeper_.request_audit(now), so_far);
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
