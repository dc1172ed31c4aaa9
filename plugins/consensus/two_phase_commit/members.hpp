#pragma once

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::two_phase {

/// The members of a group. Both lists are in ascending order, without duplicates.
struct membership {
  std::vector<spi::replica_id> voters;
  std::vector<spi::replica_id> learners;

  bool is_voter(spi::replica_id id) const;
  bool contains(spi::replica_id id) const;
  std::vector<spi::replica_id> all() const;
  bool operator==(const membership&) const = default;
};

/// A membership and the index of the change that made it effective; 0: the initial membership.
struct effective_membership {
  spi::log_index index = 0;
  membership group;
  bool operator==(const effective_membership&) const = default;
};

/// Log entry of a membership change.
struct change_entry {
  membership group;
  /// Replicas declared lost when the change was proposed: their votes are not required.
  std::vector<spi::replica_id> lost;
};

void normalize(std::vector<spi::replica_id>& list);
/// Union of two ascending lists.
std::vector<spi::replica_id> union_of(const std::vector<spi::replica_id>& one,
                                      const std::vector<spi::replica_id>& other);
std::vector<spi::replica_id> without(std::vector<spi::replica_id> list,
                                     const std::vector<spi::replica_id>& gone);
bool has(const std::vector<spi::replica_id>& list, spi::replica_id id);
/// `1, 2, 3`
std::string list(const std::vector<spi::replica_id>& ids);

void put(spi::writer& out, const std::vector<spi::replica_id>& ids);
/// Decoders: the reader fails when a list is too long or not in ascending order.
std::vector<spi::replica_id> get_ids(spi::reader& in, std::size_t most);
void put(spi::writer& out, const effective_membership& it);
effective_membership get_membership(spi::reader& in);

std::string encode(const change_entry& it);
std::optional<change_entry> decode_change(std::string_view bytes);

} // namespace atl::two_phase
