#pragma once

#include <atoll/core/state/service_logic.hpp>
#include <atoll/node/dispatcher_section.hpp>
#include <atoll/node/service_description.hpp>
#include <atoll/node/unite_keys.hpp>

/// A replicated job queue. A worker leases a job for some seconds and says when it is done; a job
/// whose lease has expired is given to another worker.
namespace jobs {

inline const atl::node::dispatcher_section runners{"runners"};

/// What nodes and clients agree on.
inline const atl::node::service_description queue{
    .name = "jobs",
    .admin_command = "jobs member",
    .other_roles = {"runner", "front"},
    .other_keys = atl::node::unite_keys({plugin_keys(runners.plugin()), dispatcher_keys(runners)})};

enum command : std::uint8_t {
  add,    ///< the body is the job's text; answered by the job's id
  lease,  ///< the body is a number of seconds; answered by `ID LEASE TEXT`
  finish, ///< the body is `ID LEASE`; refused once the lease has expired and another has the job
};

class job_queue final : public atl::service_logic {
 public:
  atl::service_info info() const override;
  std::string apply(atl::transaction& state, const atl::service_command& command) override;
  /// Every query is answered by `WAITING LEASED DONE`, three counts.
  std::string query(atl::state_view& state, std::string_view query) const override;
  std::optional<atl::error> admission_check(const atl::service_command& command) const override;
};

} // namespace jobs
