#pragma once

#include "tested_protocol.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace atl::verify {

/// A group of protocols without a simulator: messages arrive at once, and disks and state machines
/// take no time and store nothing, so only the protocols can use more and more memory. Not
/// thread-safe.
class bare_group {
 public:
  bare_group(const tested_protocol& protocol, std::uint32_t replicas);

  /// Advances time by a millisecond, and delivers messages until none is left.
  void run();
  void read(spi::replica_id at, spi::read_level level);
  void propose(spi::replica_id at, std::string command);

  spi::replica_id leader() const; ///< 0: none
  std::uint32_t size() const { return static_cast<std::uint32_t>(members_.size()); }
  const spi::consensus& at(spi::replica_id id) const { return *members_[id - 1].protocol; }
  std::uint64_t answered() const { return answered_; } ///< number of reads answered
  std::uint64_t applied() const { return members_.front().applied; }

 private:
  struct member {
    std::unique_ptr<spi::consensus> protocol;
    spi::log_index applied = 0;
    spi::persist_token persisted = 0;
  };
  struct message {
    spi::replica_id from = 0;
    spi::replica_id to = 0;
    std::string bytes;
  };

  void carry_out(spi::replica_id id);
  void carry_out(spi::replica_id id, member& it, spi::effect& effect);

  std::vector<member> members_;
  std::deque<message> under_way_;
  std::vector<spi::effect> effects_;
  spi::timestamp now_{1};
  spi::request_id requests_ = 0;
  std::uint64_t answered_ = 0;
};

} // namespace atl::verify
