#pragma once

#include "bulk/server.hpp"
#include "node/conversion_worker.hpp"
#include "node/piece_runner.hpp"
#include "node/repair_worker.hpp"
#include "node/scrub_service.hpp"
#include "settings/settings.hpp"
#include "storage/fragment_store.hpp"
#include "storage/multi_disk_store.hpp"

#include <atoll/core/latest_value.hpp>
#include <atoll/node/node_context.hpp>
#include <atoll/node/role.hpp>

#include <caf/actor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs {

/// Keeps chunks on a disk, serves them, and reports to the masters.
class storage_role : public atl::node::role {
 public:
  std::string_view name() const override { return storage_role_name; }
  bool uses_several_disks() const override { return true; }
  std::vector<atl::key_spec> keys() const override { return storage_keys(); }
  atl::status start(atl::node::node_context& node) override;
  void stop() override;
  atl::node::role_health health() const override;
  void metrics(atl::metric_set& into) const override;

 private:
  atl::status read_settings();
  atl::status plan_files();
  atl::status open_store();
  atl::status open_disks();
  void release_empty_disks();
  bulk_timeouts timeouts() const;
  atl::status start_bulk();
  void start_jobs();
  void start_repairs();
  atl::status set_scrub_period();
  void start_scrub();
  void start_disk_scrubs();
  void start_agent();
  atl::status join_group(const std::string& group);
  /// Clients' requests under way. Thread-safe.
  std::function<std::uint32_t()> in_flight() const;

  atl::node::node_context* node_ = nullptr;
  cluster_settings cluster_;
  node_settings self_;
  std::atomic<bool> in_group_ = false; ///< asked by the thread of the endpoint, which must not wait
  std::shared_ptr<fragment_store> store_;
  std::shared_ptr<multi_disk_store> disks_; ///< the same, of a node that has several
  const std::shared_ptr<atl::latest_value<store_usage>> usage_ =
      std::make_shared<atl::latest_value<store_usage>>();
  const std::shared_ptr<atl::latest_value<std::vector<disk_state>>> disk_states_ =
      std::make_shared<atl::latest_value<std::vector<disk_state>>>();
  std::unique_ptr<bulk_server> bulk_;
  std::shared_ptr<piece_runner> pieces_;
  std::shared_ptr<repair_worker> repairs_;
  std::shared_ptr<conversion_worker> conversions_;
  std::size_t repairs_at_once_ = 1;
  std::shared_ptr<scrub_service> scrub_;
  caf::actor jobs_;
  caf::actor agent_;
};

} // namespace dfs
