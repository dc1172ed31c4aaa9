#include "node/supervise.hpp"

#include <caf/exit_reason.hpp>
#include <fmt/format.h>

namespace dfs {

void supervise(const caf::actor& who, std::string what,
               std::function<void(const atl::error&)> failed) {
  who->attach_functor([what = std::move(what), failed = std::move(failed)](const caf::error& why) {
    if (why != caf::exit_reason::user_shutdown)
      failed({atl::errc::internal, fmt::format("{} ended without having been told to ({})", what,
                                               why ? caf::to_string(why) : "no reason was given")});
  });
}

} // namespace dfs
