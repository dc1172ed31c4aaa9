#pragma once

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::leader_based {

/// No group has more voters, whatever the protocol.
inline constexpr std::size_t voters_max = 64;

using id_list = std::vector<spi::replica_id>;

/// The members of a group. Each list is in order.
struct membership {
  id_list voters{};
  id_list learners{};
  /// Raft only: not empty while a change of voters is in progress. Then a decision needs a majority
  /// of these and a majority of `voters` (joint consensus; Ongaro's dissertation, 4.3).
  id_list old_voters{};

  bool is_joint() const { return !old_voters.empty(); }
  bool votes(spi::replica_id id) const;
  bool contains(spi::replica_id id) const;
  /// Every member once, in order.
  id_list all() const;
  /// Every member with a vote once, in order.
  id_list all_voters() const;
  friend bool operator==(const membership&, const membership&) = default;
};

/// Sorts a list and removes duplicates.
void normalize(id_list& list);

/// How a protocol writes a group: each list in order and without 0, which names no replica; no
/// learner among the voters; at least one voter.
struct members_codec {
  std::size_t members_max = 0; ///< voters and learners
  bool joint = false;          ///< whether `old_voters` is written, between voters and learners

  void put(spi::writer& out, const membership& it) const;
  /// Makes the reader fail on what isn't a group.
  membership get(spi::reader& in) const;
  std::string encode(const membership& it) const;
  /// @returns none for bytes that aren't a group.
  std::optional<membership> decode(std::string_view bytes) const;
};

/// The group at each index of the log: the one at the log's base, and the changes after it.
class membership_history {
 public:
  const membership& current() const;
  const membership& at(spi::log_index index) const;
  /// Where the newest change stands; 0 when there is none after the base.
  spi::log_index newest_change() const { return changes_.empty() ? 0 : changes_.rbegin()->first; }
  const membership& base() const { return base_; }
  const std::map<spi::log_index, membership>& changes() const { return changes_; }

  void add(spi::log_index index, membership it) { changes_[index] = std::move(it); }
  /// The log's base moves to `index`; changes after it stay.
  void cut(spi::log_index index) { rebase(index, at(index)); }
  void rebase(spi::log_index index, membership base);
  /// Forgets changes after `last`.
  void truncate(spi::log_index last) { changes_.erase(changes_.upper_bound(last), changes_.end()); }

 private:
  membership base_;
  std::map<spi::log_index, membership> changes_;
};

} // namespace atl::leader_based
