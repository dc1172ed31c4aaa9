#include "master/backup_actor.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/state_copy.hpp>

#include <utility>

namespace dfs {

using atl::runtime::envelope;
using atl::runtime::make_reply;

backup_actor::backup_actor(caf::actor_config& config, names_backup::settings given,
                           caf::actor replica)
    : caf::event_based_actor{config}, backup_{std::move(given)}, replica_{std::move(replica)} {}

caf::behavior backup_actor::make_behavior() {
  return {[this](const envelope& message) { return on_request(message); }};
}

envelope backup_actor::on_request(const envelope& message) {
  auto request = protocol::decode_backup_request(message.body);
  if (!request)
    return make_reply({tl::unexpected{request.error()}, {}, false});
  if (backup_.request(*request))
    copy_names();
  return make_reply({encode(backup_.answer(*request)), {}, false});
}

/// Without a timeout, because the copy's folder belongs to the receiver of the answer.
void backup_actor::copy_names() {
  atl::log::info("master", "", "a backup of the name space is being made");
  atl::runtime::ask(this, replica_, caf::infinite, atl::runtime::copy_state{})
      .then(
          [this](const atl::runtime::state_copied& copied) {
            if (copied.index)
              backup_.begin(copied.folder);
            else
              backup_.fail(copied.index.error().message);
          },
          [this](const caf::error& problem) {
            backup_.fail("the replica made no copy: " + atl::runtime::describe_failure(problem));
          });
}

} // namespace dfs
