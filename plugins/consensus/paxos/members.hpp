#pragma once

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::paxos {

/// Who belongs to the group. Each index of the log has one such group, which everything before
/// it decides.
struct membership {
  std::vector<spi::replica_id> voters;   ///< in order
  std::vector<spi::replica_id> learners; ///< likewise; none of them votes

  bool votes(spi::replica_id id) const;
  bool contains(spi::replica_id id) const;
  std::vector<spi::replica_id> all() const;
  friend bool operator==(const membership&, const membership&) = default;
};

void put(spi::writer& out, const membership& it);
/// Makes the reader fail on what is no group: too large, without a voter, or in disorder.
membership get_membership(spi::reader& in);
std::string encode(const membership& it);
/// @returns none for what is no group.
std::optional<membership> decode_membership(std::string_view bytes);

} // namespace atl::paxos
