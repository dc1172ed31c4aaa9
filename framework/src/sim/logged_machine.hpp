#pragma once

#include "hash.hpp"

#include <atoll/sim/simulated_machine.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace atl::sim {

/// The chain of hashes after one more entry.
inline std::uint64_t next_chain(std::uint64_t chain, bool no_op, std::string_view command) {
  return combine(chain, no_op ? 0x6e6f6f70 : hash_bytes(command));
}

/// A state machine and its place in the log.
class logged_machine {
 public:
  explicit logged_machine(std::unique_ptr<simulated_machine> fresh) : machine_{std::move(fresh)} {}
  /// See `simulated_machine::copy`.
  logged_machine copy(spi::replica_id replica) const {
    logged_machine out{machine_->copy(replica)};
    out.index_ = index_;
    out.chain_ = chain_;
    return out;
  }

  /// Applies the next entry in log order. @param chain see `next_chain`
  machine_answer apply(const spi::committed_entry& entry, std::uint64_t chain) {
    index_ = entry.index;
    chain_ = chain;
    return machine_->apply(entry);
  }

  const simulated_machine& machine() const { return *machine_; }
  spi::log_index index() const { return index_; }
  /// A hash of the applied entries: equal for machines with the same history.
  std::uint64_t chain() const { return chain_; }

 private:
  std::unique_ptr<simulated_machine> machine_;
  spi::log_index index_ = 0;
  std::uint64_t chain_ = 0;
};

/// A state machine at some index, as a snapshot holds it.
using machine_image = std::shared_ptr<const logged_machine>;

} // namespace atl::sim
