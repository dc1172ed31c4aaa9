#include "safety_checker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace atl::sim {

void safety_checker::violate(violation_kind kind, std::string_view what) {
  if (!violation_.empty())
    return;
  kind_ = kind;
  violation_ = fmt::format("at {:.6f} s: {}", static_cast<double>(now_) / 1e6, what);
  if (on_violation)
    on_violation(violation_);
}

void safety_checker::applies(spi::replica_id replica, const spi::committed_entry& entry,
                             std::uint64_t chain, std::uint64_t tag) {
  auto index = entry.index;
  if (index < facts_.size()) {
    auto& known = facts_[index];
    known.applied_by_others = known.applied_by_others || known.first_applied_by != replica;
    if (known.chain != chain)
      violate(violation_kind::divergence,
              fmt::format("index {} is {} on replica {}, and something else on replica {}", index,
                          entry.no_op ? "nothing" : "a command", replica, known.first_applied_by));
    return;
  }
  // Replicas apply without gaps, so the end grows by one index at a time.
  facts_.push_back({chain, replica, false, entry.no_op});
  if (tag == 0)
    return;
  if (refused_.count(tag) != 0)
    violate(
        violation_kind::refused_yet_committed,
        fmt::format("index {} holds proposal {}, which was refused as not proposed", index, tag));
  auto [found, is_new] = tags_.emplace(tag, index);
  if (!is_new && propose_once_)
    violate(violation_kind::committed_twice,
            fmt::format("proposal {} is at index {} and again at {}", tag, found->second, index));
}

void safety_checker::refused(std::uint64_t tag) {
  if (tag == 0)
    return;
  refused_.insert(tag);
  if (auto found = tags_.find(tag); found != tags_.end())
    violate(violation_kind::refused_yet_committed,
            fmt::format("proposal {} was refused as not proposed, and is at index {}", tag,
                        found->second));
}

void safety_checker::disk_lost(spi::replica_id replica) {
  terms_.erase(replica);
  while (facts_.size() > 1 && facts_.back().first_applied_by == replica && facts_.back().no_op &&
         !facts_.back().applied_by_others)
    facts_.pop_back();
}

void safety_checker::durable_term(spi::replica_id replica, std::uint64_t term) {
  auto& newest = terms_[replica];
  newest = std::max(newest, term);
}

std::uint64_t safety_checker::durable_term(spi::replica_id replica) const {
  auto found = terms_.find(replica);
  return found == terms_.end() ? 0 : found->second;
}

void safety_checker::role(spi::replica_id replica, const spi::role_changed& role) {
  if (auto durable = durable_term(replica); role.term < durable)
    violate(violation_kind::term_went_back,
            fmt::format("replica {} went back from term {} to {}", replica, durable, role.term));
  if (role.role != spi::replica_role::leader || role.term == 0)
    return;
  auto [found, is_new] = leaders_.emplace(role.term, replica);
  if (!is_new && found->second != replica)
    violate(violation_kind::two_leaders, fmt::format("replicas {} and {} both lead in term {}",
                                                     found->second, replica, role.term));
}

} // namespace atl::sim
