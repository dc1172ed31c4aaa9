#pragma once

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::two_phase {

/// Who belongs to the group. Lists are in order, and name nobody twice.
struct membership {
  std::vector<spi::replica_id> voters;
  std::vector<spi::replica_id> learners;

  bool votes(spi::replica_id id) const;
  bool contains(spi::replica_id id) const;
  std::vector<spi::replica_id> all() const;
  bool operator==(const membership&) const = default;
};

/// The group that is in force from an index on; 0: since its birth.
struct placed_membership {
  spi::log_index index = 0;
  membership group;
  bool operator==(const placed_membership&) const = default;
};

/// An entry of the log that changes the group.
struct change_entry {
  membership group;
  /// Those whose disks are lost for good, as far as was known: they have no say in it.
  std::vector<spi::replica_id> lost;
};

void normalize(std::vector<spi::replica_id>& list);
/// Of two lists that are in order.
std::vector<spi::replica_id> united(const std::vector<spi::replica_id>& one,
                                    const std::vector<spi::replica_id>& other);
std::vector<spi::replica_id> without(std::vector<spi::replica_id> list,
                                     const std::vector<spi::replica_id>& gone);
bool has(const std::vector<spi::replica_id>& list, spi::replica_id id);
/// `1, 2, 3`
std::string list(const std::vector<spi::replica_id>& ids);

void put(spi::writer& out, const std::vector<spi::replica_id>& ids);
/// Each makes the reader fail when lists are too long, or not in order.
std::vector<spi::replica_id> get_ids(spi::reader& in, std::size_t most);
void put(spi::writer& out, const placed_membership& it);
placed_membership get_membership(spi::reader& in);

std::string encode(const change_entry& it);
std::optional<change_entry> decode_change(std::string_view bytes);

} // namespace atl::two_phase
