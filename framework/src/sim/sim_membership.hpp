#pragma once

#include <atoll/core/group_birth.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atl::sim {

/// The group that a replica's disk belongs to, as a real node stores it in its data folder, and the
/// host's admission check while the disk belongs to no group.
class sim_membership {
 public:
  /// The disk of a founder, or of a spare added by a change of members, belongs to the group.
  sim_membership(spi::replica_id self, const std::vector<spi::replica_id>& founders);

  bool in_group() const { return birth_.has_value(); }
  /// Replaces the disk by an empty disk that the group does not know.
  void wipe();
  /// The answer to a peer with that empty disk.
  membership_response answer(const std::string& folder) const;
  const std::string& folder() const { return self_.self.folder; }

  // -- admission, in microseconds of simulated time
  bool is_asking() const { return admission_.has_value(); }
  void start_asking(std::int64_t now);
  void stop_asking() { admission_.reset(); }
  void on_response(const membership_response& answer, std::int64_t now);
  void on_unreachable(spi::replica_id peer);
  /// Admits the replica if the group is founded or joined now. @returns why the replica is not
  /// admitted; empty: it is admitted.
  std::string decide(std::int64_t now);

 private:
  membership_query self_;
  std::vector<member_identity> founders_; ///< as configured: without folders
  std::optional<group_birth> birth_;
  std::optional<group_admission> admission_;
  std::uint32_t disks_ = 1; ///< the number of disks that this id has had
};

} // namespace atl::sim
