#include <atoll/node/node_context.hpp>

#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <fmt/format.h>

namespace atl::node {

void supervise(const caf::actor& who, std::string what, std::function<void(const error&)> failed) {
  who->attach_functor([what = std::move(what), failed = std::move(failed)](const caf::error& why) {
    if (why != caf::exit_reason::user_shutdown)
      failed({errc::internal, fmt::format("{} ended without having been told to ({})", what,
                                          why ? caf::to_string(why) : "no reason was given")});
  });
}

void end_actors(runtime::system& actors, const std::vector<caf::actor>& which) {
  caf::scoped_actor self{*actors};
  for (auto& actor : which)
    self->send_exit(actor, caf::exit_reason::user_shutdown);
  for (auto& actor : which)
    self->wait_for(actor);
}

void node_context::supervise(const caf::actor& who, std::string what) const {
  atl::node::supervise(who, std::move(what), fail);
}

} // namespace atl::node
