#pragma once

#include <atoll/node/cluster_config.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/node/service_description.hpp>
#include <atoll/runtime/service_client.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace atl::node {

/// Whom a client of a replicated service calls.
struct service_address {
  cluster_config cluster;
  std::vector<member_config> members;
  std::string role; ///< the service: `jobs`
  /// The end of the message that no member answers: what a person may do.
  std::string advice{};
};

/// Reads from a cluster's file whom to call. @param file or its folder, then `cluster.toml` in it
result<service_address> read_service_address(const std::filesystem::path& file,
                                             const service_description& service);

/// A client's connection to a replicated service, with an actor system of its own. Thread-safe.
class service_connection {
 public:
  explicit service_connection(const service_address& to);
  service_connection(const service_connection&) = delete;
  service_connection& operator=(const service_connection&) = delete;
  ~service_connection();

  runtime::service_client& operator*();
  runtime::service_client* operator->();

 private:
  struct implementation;
  std::unique_ptr<implementation> impl_;
};

} // namespace atl::node
