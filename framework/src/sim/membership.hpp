#pragma once

#include <atoll/core/group_birth.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atl::sim {

/// What a replica's disk tells its host about its group, as the data folder of a real node does,
/// and the host's admission check while the disk belongs to no group.
class membership {
 public:
  /// The disk of a founder, or of a spare added by a change of members, belongs to the group.
  membership(spi::replica_id self, const std::vector<spi::replica_id>& founders);

  bool in_group() const { return birth_.has_value(); }
  /// Replaces the disk by an empty one that the group does not know.
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
  /// Admits the replica if the group is founded or joined now. @returns why it is not admitted;
  /// empty: it is.
  std::string decide(std::int64_t now);

 private:
  membership_query self_;
  std::vector<member_identity> founders_; ///< as configured: without folders
  std::optional<group_birth> birth_;
  std::optional<group_admission> admission_;
  std::uint32_t disks_ = 1; ///< that were there under this id
};

} // namespace atl::sim
