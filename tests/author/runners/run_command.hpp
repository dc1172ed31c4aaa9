#pragma once

#include "../job_queue/job_queue.hpp"

#include <atoll/node/service_connection.hpp>
#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/system.hpp>

#include <algorithm>
#include <iostream>
#include <string>

namespace jobs {

/// Has a text run, by the front of a member, and prints the answer.
inline atl::status run_text(const std::string& file, const std::string& member,
                            const std::string& text) {
  auto cluster = read_service_address(file, queue);
  if (!cluster)
    return tl::unexpected{cluster.error()};
  auto at = std::ranges::find(cluster->members, member, &atl::node::member_config::name);
  if (at == cluster->members.end())
    return atl::fail(atl::errc::not_found, "the cluster's file names no member '" + member + "'");
  atl::runtime::system actors{1, {cluster->cluster.name, "jobs", {}, cluster->cluster.secret}};
  atl::runtime::node_client::settings how;
  how.self.cluster = cluster->cluster.name;
  how.self.name = "jobs";
  atl::runtime::node_client client{actors, how};
  auto kind = atl::runtime::message_kind::application;
  auto answer = client.ask(at->address, "front", kind, text);
  if (!answer)
    return tl::unexpected{answer.error()};
  std::cout << *answer << '\n';
  return {};
}

} // namespace jobs
