#pragma once

#include <atoll/sim/scripted_simulation.hpp>

namespace under_test {

/// The leader of the latest term that can commit; 0: none. @param last the highest replica id
inline atl::spi::replica_id newest_leader(const atl::sim::scripted_simulation& group,
                                          atl::spi::replica_id last) {
  atl::spi::replica_id found = 0;
  for (atl::spi::replica_id id = 1; id <= last; ++id)
    if (group.up(id) && group.status(id).role == atl::spi::replica_role::leader &&
        group.status(id).blocked.empty())
      if (found == 0 || group.status(id).term > group.status(found).term)
        found = id;
  return found;
}

} // namespace under_test
