#pragma once

#include <atoll/core/group_birth.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atl::sim {

/// What a replica's disk tells its host about the group that the replica belongs to, as the data
/// folder of a real node does, and the host's admission while the disk belongs to no group.
class membership {
 public:
  /// Of a founder, or of a spare that is let in by a change of members: the disk belongs to the
  /// group.
  membership(spi::replica_id self, const std::vector<spi::replica_id>& founders);

  bool in_group() const { return birth_.has_value(); }
  /// From now on the disk is another, empty one, that the group doesn't know.
  void wipe();
  /// The answer to a peer with that empty disk.
  membership_answer answer(const std::string& folder) const;
  const std::string& folder() const { return self_.self.folder; }

  // -- admission, in microseconds of simulated time
  bool asks() const { return admission_.has_value(); }
  void start_asking(std::int64_t now);
  void stop_asking() { admission_.reset(); }
  void on_answer(const membership_answer& answer, std::int64_t now);
  void on_unreachable(spi::replica_id peer);
  /// Lets the replica in if the group is founded or joined now. @returns why it is kept out; empty:
  /// it is let in
  std::string decide(std::int64_t now);

 private:
  membership_query self_;
  std::vector<member_identity> founders_; ///< as configured: without folders
  std::optional<group_birth> birth_;
  std::optional<group_admission> admission_;
  std::uint32_t disks_ = 1; ///< that were there under this id
};

} // namespace atl::sim
