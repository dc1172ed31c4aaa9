#include "common/check_protocol.hpp"
#include "master/master_actor.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/state_copy.hpp>

// The check of this master's name space, whether or not it leads.
namespace dfs {

using atl::runtime::envelope;

envelope master_actor::check_names(const envelope& message) {
  auto request = protocol::decode_check_request(message.body);
  if (!request)
    return error_reply(request.error());
  if (names_check_.request(request->run))
    copy_names_for_check();
  return atl::runtime::make_reply({encode(names_check_.state(request->run)), {}, false});
}

/// Without a timeout, because the copy's folder belongs to the receiver of the answer.
void master_actor::copy_names_for_check() {
  atl::log::info("master", "", "the name space is being checked");
  atl::runtime::ask(this, settings_.replica, caf::infinite, atl::runtime::copy_state{})
      .then(
          [this](atl::runtime::state_copied& copied) {
            if (copied.index)
              names_check_.begin(copied.folder, *copied.index);
            else
              names_check_.fail(copied.index.error().message);
          },
          [this](const caf::error& problem) {
            names_check_.fail("the replica made no copy: " +
                              atl::runtime::describe_failure(problem));
          });
}

} // namespace dfs
