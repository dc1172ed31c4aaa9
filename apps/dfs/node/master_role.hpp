#pragma once

#include "master/master_actor.hpp"
#include "settings/settings.hpp"

#include <atoll/node/replicated_service.hpp>

namespace dfs {

/// Takes part in the masters' group, whose state is the name space.
class master_role final : public atl::node::replicated_service {
 public:
  master_role();

  std::vector<atl::key_spec> keys() const override { return master_keys(); }
  void metrics(atl::metric_set& into) const override;

 private:
  atl::status prepare() override;
  atl::result<std::shared_ptr<atl::replicated_state>>
  open_state(const std::filesystem::path& folder,
             const atl::replicated_state::settings& how) override;
  atl::node::shared_settings shared() const override;
  atl::status accept(const atl::group_birth& birth) const override;
  atl::status accept_backup(const atl::backup_info& backup) const override;
  atl::status on_joined(const atl::group_birth& birth) override;
  atl::result<caf::actor> start_application(const atl::node::service_member& member) override;
  std::optional<atl::runtime::envelope>
  answer_while_waiting(const atl::runtime::envelope& message,
                       const atl::node::waiting_member& member) const override;

  master_policy policy() const;
  /// How the root's content is stored in a new cluster.
  atl::result<dfs::policy> root_policy() const;
  atl::runtime::envelope describe_waiting(const atl::node::waiting_member& member) const;

  cluster_settings cluster_;
  node_settings self_;
  const std::shared_ptr<atl::latest_value<atl::metric_set>> latest_metrics_ =
      std::make_shared<atl::latest_value<atl::metric_set>>();
};

} // namespace dfs
