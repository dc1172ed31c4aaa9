#include "applied_history.hpp"

#include <atoll/core/state/answer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace atl::verify {

namespace {

std::string to_text(const applied_history::command_id& command) {
  return fmt::format("command {} of session {}", command.second, to_string(command.first));
}

std::string refused_yet_effective(const applied_history::command_id& command,
                                  spi::log_index index) {
  return fmt::format("{} was refused as certainly not proposed, and took effect at entry {}",
                     to_text(command), index);
}

} // namespace

applied_history::finding applied_history::add_entry(spi::replica_id replica,
                                                    const spi::committed_entry& entry,
                                                    const outcome& made) {
  if (entry.index < entries_.size() && entries_[entry.index].no_op && !entry.no_op)
    forget_from(entry.index);
  if (entry.index < entries_.size()) {
    auto& known = entries_[entry.index];
    bool is_same = known.first_applied_by == replica; // a restart lost the entry
    auto first =
        is_same ? "before a restart it" : fmt::format("replica {}", known.first_applied_by);
    if (known.made.took_effect != made.took_effect)
      return fmt::format("replica {} {} the command of entry {}, and {} {}", replica,
                         made.took_effect ? "carried out" : "did not carry out", entry.index, first,
                         made.took_effect ? "did not" : "did");
    if (known.made.answer != made.answer)
      return fmt::format("replica {} answers entry {} otherwise than {}{}", replica, entry.index,
                         first, is_same ? " did" : "");
    return std::nullopt;
  }
  // Replicas apply without gaps, so the end grows by one index at a time.
  auto effects = entries_.back().effects + (made.took_effect ? 1 : 0);
  entries_.push_back({replica, made, entry.no_op, effects, 0});
  auto decoded = decode_session_command(entry.command);
  if (!decoded || !made.took_effect)
    return std::nullopt;
  command_id command{decoded->session, decoded->sequence};
  entries_.back().earlier_effect = last_effect(command, entry.index);
  effects_[command].push_back(entry.index);
  return refused_.contains(command) ? finding{refused_yet_effective(command, entry.index)}
                                    : std::nullopt;
}

applied_history::finding applied_history::add_refusal(const command_id& command) {
  refused_.insert(command);
  auto known = effects_.find(command);
  return known == effects_.end() ? std::nullopt
                                 : finding{refused_yet_effective(command, known->second.front())};
}

spi::log_index applied_history::last_effect(const command_id& command, spi::log_index index) const {
  auto known = effects_.find(command);
  if (known == effects_.end())
    return 0;
  auto after = std::ranges::upper_bound(known->second, index);
  return after == known->second.begin() ? 0 : *std::prev(after);
}

spi::log_index applied_history::last_effect(const session_id& session, spi::log_index index) const {
  spi::log_index last = 0;
  for (auto known = effects_.lower_bound({session, 0});
       known != effects_.end() && known->first.first == session; ++known)
    last = std::max(last, last_effect(known->first, index));
  return last;
}

void applied_history::forget_from(spi::log_index index) {
  entries_.resize(index);
  digests_.erase(digests_.lower_bound(index), digests_.end());
  queries_.erase(queries_.lower_bound({index, 0}), queries_.end());
}

std::optional<std::string> applied_history::failure_of(spi::log_index index) const {
  constexpr std::size_t tag_at = 1; // in an answer, after the version
  if (index >= entries_.size() || !entries_[index].made.took_effect)
    return std::nullopt;
  std::string_view answer{entries_[index].made.answer};
  if (answer.size() <= tag_at || static_cast<std::uint8_t>(answer[tag_at]) != error_answer_tag)
    return std::nullopt;
  return decode_answer(answer).error().message;
}

std::vector<std::uint64_t> applied_history::queries_after(spi::log_index index) const {
  std::vector<std::uint64_t> numbers;
  for (auto known = queries_.lower_bound({index, 0});
       known != queries_.end() && known->first.first == index; ++known)
    numbers.push_back(known->first.second);
  return numbers;
}

applied_history::finding applied_history::repeated_effect(const spi::committed_entry& entry,
                                                          std::uint64_t idle_max_us) const {
  auto earlier = entries_[entry.index].earlier_effect;
  if (earlier == 0 || time_between(earlier, entry.index) > idle_max_us)
    return std::nullopt;
  auto command = decode_session_command(entry.command);
  return fmt::format("{} took effect at entry {}, and again at entry {}",
                     to_text({command->session, command->sequence}), earlier, entry.index);
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
  if (known.replica == replica)
    return fmt::format("replica {} answers a query otherwise than it did before, both after "
                       "entry {}",
                       replica, index);
  return fmt::format(
      "replica {} answers a query otherwise than replica {} did, both after entry {}", replica,
      known.replica, index);
}

} // namespace atl::verify
