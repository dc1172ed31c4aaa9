#include "../runners/runners.hpp"
#include "job_queue.hpp"

#include <atoll/node/application.hpp>
#include <atoll/node/replicated_service.hpp>

/// The program of a node.
int main(int argc, char** argv) {
  atl::node::application jobsd;
  jobsd.name = "jobs";
  jobsd.program = "jobsd";
  jobsd.version = "1.0.0";
  jobsd.description = "jobsd runs one member of a replicated job queue.";
  jobsd.plugins = jobs::queue.plugins;
  jobsd.plugins.push_back(jobs::runners.plugin());
  jobsd.roles = {std::make_shared<atl::node::service_role<jobs::job_queue>>(jobs::queue),
                 std::make_shared<jobs::runner>(), std::make_shared<jobs::front>()};
  return atl::node::node_main(argc, argv, jobsd);
}
