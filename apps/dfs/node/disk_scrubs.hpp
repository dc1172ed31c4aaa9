#pragma once

#include "node/scrub_host.hpp"
#include "node/scrub_service.hpp"

#include <memory>
#include <vector>

namespace dfs {

/// The scrub of a node that has several disks: each disk has one of its own, with its own position.
/// A disk that isn't used is left out. Thread-safe.
class disk_scrubs final : public scrub_service {
 public:
  /// @param settings of each disk; without a store: the disk isn't used
  explicit disk_scrubs(std::vector<scrub_host::settings> settings);

  /// Orders the pass on every disk. It is done when all are.
  protocol::scrub_state order(const protocol::scrub_request& request) override;
  /// Of all disks in use together.
  protocol::scrub_status status() const override;
  std::vector<protocol::scrub_status> disks() const override;

 private:
  std::vector<std::unique_ptr<scrub_host>> hosts_; ///< by disk; null: not used
};

/// The scrubs of several disks as one. @param parts of the disks in use
protocol::scrub_status sum_scrubs(const std::vector<protocol::scrub_status>& parts);

} // namespace dfs
