#pragma once

#include <atoll/compare/queueing.hpp>
#include <atoll/core/balanced_pool.hpp>

#include <memory>
#include <vector>

namespace atl::compare {

/// The members of a pool at a time of a workload, by the plan of who joins and leaves.
std::vector<pool_member> members_at(const workload& workload, double at);

/// Which member each of many keys goes to, in an idle pool with a balancer of its own, so that
/// looking changes nothing in the simulation.
class key_sample {
 public:
  key_sample(const workload& workload, std::unique_ptr<balanced_pool> pool);

  /// The pool's members change. Errors: those of `balanced_pool::update`.
  result<key_moves> change(double at);

 private:
  enum class key_order : std::uint8_t { forwards, backwards };

  /// The member of each key; 0: none. A strategy that takes turns gives keys the same members again
  /// by chance, unless the keys come in another order.
  std::vector<std::uint64_t> look(double at, key_order order);

  const workload& workload_;
  std::unique_ptr<balanced_pool> pool_;
  std::vector<pool_member> members_;
};

} // namespace atl::compare
