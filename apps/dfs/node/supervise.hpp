#pragma once

#include <atoll/core/error.hpp>

#include <caf/actor.hpp>

#include <functional>
#include <string>

namespace dfs {

/// Reports it as a failure of the node when this actor ends without having been told to
/// (`caf::exit_reason::user_shutdown`): a node whose actor is gone would look alive and do nothing.
/// @param what the actor, for people: `the endpoint of the master`
/// @param failed is called at most once, in any thread; it must not block or throw
void supervise(const caf::actor& who, std::string what,
               std::function<void(const atl::error&)> failed);

} // namespace dfs
