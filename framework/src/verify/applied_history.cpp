#include "applied_history.hpp"

#include <fmt/format.h>

namespace atl::verify {

applied_history::finding applied_history::add_entry(spi::replica_id replica,
                                                    const spi::committed_entry& entry,
                                                    const std::string& answer, bool took_effect) {
  if (entry.index < entries_.size() && entries_[entry.index].no_op && !entry.no_op)
    forget_from(entry.index);
  if (entry.index < entries_.size()) {
    auto& known = entries_[entry.index];
    if (known.took_effect != took_effect)
      return fmt::format("replica {} {} the command of entry {}, and replica {} {}", replica,
                         took_effect ? "carried out" : "did not carry out", entry.index,
                         known.first_applied_by, took_effect ? "did not" : "did");
    if (known.answer != answer)
      return fmt::format("replica {} answers entry {} otherwise than replica {}", replica,
                         entry.index, known.first_applied_by);
    return std::nullopt;
  }
  // Replicas apply without gaps, so the end grows by one index at a time.
  auto effects = entries_.back().effects + (took_effect ? 1 : 0);
  entries_.push_back({replica, answer, entry.no_op, took_effect, effects});
  if (auto command = decode_session_command(entry.command); command && took_effect)
    effects_.try_emplace({command->session, command->sequence}, entry.index);
  return std::nullopt;
}

void applied_history::forget_from(spi::log_index index) {
  entries_.resize(index);
  digests_.erase(digests_.lower_bound(index), digests_.end());
  queries_.erase(queries_.lower_bound({index, 0}), queries_.end());
}

applied_history::finding applied_history::repeated_effect(const spi::committed_entry& entry) const {
  auto command = decode_session_command(entry.command);
  if (!command || !entries_[entry.index].took_effect)
    return std::nullopt;
  auto first = effects_.at({command->session, command->sequence});
  if (first == entry.index)
    return std::nullopt;
  return fmt::format("command {} of session {} took effect at entry {}, and again at entry {}",
                     command->sequence, to_string(command->session), first, entry.index);
}

applied_history::finding applied_history::add_digest(spi::replica_id replica, spi::log_index index,
                                                     std::uint64_t digest) {
  auto& known =
      digests_.try_emplace(index, first_seen<std::uint64_t>{replica, digest}).first->second;
  if (known.value == digest)
    return std::nullopt;
  if (known.replica == replica)
    return fmt::format("replica {} has other rows after entry {} than it had before a restart",
                       replica, index);
  return fmt::format("replica {} has other rows than replica {} after entry {}", replica,
                     known.replica, index);
}

applied_history::finding applied_history::add_query(spi::replica_id replica, spi::log_index index,
                                                    std::uint64_t query,
                                                    const std::string& answer) {
  auto& known =
      queries_.try_emplace({index, query}, first_seen<std::string>{replica, answer}).first->second;
  if (known.value == answer)
    return std::nullopt;
  return fmt::format(
      "replica {} answers a query otherwise than replica {} did, both after entry {}", replica,
      known.replica, index);
}

} // namespace atl::verify
