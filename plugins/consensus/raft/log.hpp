#pragma once

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::raft {

/// Who belongs to the group. While a change of voters is under way it is joint: decisions need a
/// majority of the old voters and one of the new (Ongaro's dissertation, 4.3).
struct membership {
  std::vector<spi::replica_id> voters;
  std::vector<spi::replica_id> old_voters; ///< empty when not joint
  std::vector<spi::replica_id> learners;

  bool joint() const { return !old_voters.empty(); }
  bool votes(spi::replica_id id) const;
  bool contains(spi::replica_id id) const;
  /// Everybody, each once, in order.
  std::vector<spi::replica_id> all() const;
  friend bool operator==(const membership&, const membership&) = default;
};

void put(spi::writer& out, const membership& it);
/// Makes the reader fail on lists that are too long.
membership get_membership(spi::reader& in);
/// @returns none for what is no group, or one without a voter.
std::optional<membership> decode_membership(std::string_view bytes);

enum class entry_type : std::uint8_t { command, no_op, members };
inline constexpr auto entry_type_last = entry_type::members;

struct entry {
  std::uint64_t term = 0;
  entry_type type = entry_type::no_op;
  std::string body;       ///< the command, or an encoded membership
  spi::request_id id = 0; ///< whose proposal of this run it is; not stored

  std::size_t bytes() const { return body.size() + 32; }
};

std::string encode(const entry& it);
std::optional<entry> decode_entry(std::string_view bytes);

/// The entries that are still kept, behind a base that stands for all before it.
class entry_log {
 public:
  spi::log_index base() const { return base_; }
  spi::log_index last() const { return base_ + entries_.size(); }
  std::uint64_t last_term() const { return entries_.empty() ? base_term_ : entries_.back().term; }
  std::size_t bytes() const { return bytes_; }
  bool holds(spi::log_index at) const { return at > base_ && at <= last(); }
  /// Of an entry in the log, or of the base.
  std::uint64_t term_at(spi::log_index at) const {
    return at == base_ ? base_term_ : entries_[at - base_ - 1].term;
  }
  entry& at(spi::log_index index) { return entries_[index - base_ - 1]; }
  const entry& at(spi::log_index index) const { return entries_[index - base_ - 1]; }

  void append(entry it);
  /// Removes everything behind `last`.
  void truncate(spi::log_index last);
  /// Removes everything up to `base`, which must be in the log or be its base.
  void cut(spi::log_index base);
  /// Empties it: a snapshot stands for everything up to `base`.
  void reset(spi::log_index base, std::uint64_t term);

 private:
  spi::log_index base_ = 0;
  std::uint64_t base_term_ = 0;
  std::deque<entry> entries_;
  std::size_t bytes_ = 0;
};

} // namespace atl::raft
