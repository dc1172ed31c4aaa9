#pragma once

#include "cli/context.hpp"
#include "client/control.hpp"

#include <atoll/core/error.hpp>

#include <chrono>
#include <string>

/// What was removed and can be restored.
namespace dfs::cli {

int list_trash(context& with, const std::string& path);
/// @param what an id, or the path that it had. @param to empty: where it was
int restore_from_trash(context& with, const std::string& what, const std::string& to);
/// @param older_than only what was removed so long ago, such as `1h`; empty: all
int empty_trash(context& with, const std::string& path, const std::string& older_than);

/// Removes what was removed from the place or below it for good. Errors: as of `control::run`; what
/// was discarded before an error is gone.
atl::result<responses::discarded> empty_trash(control& masters, const place& under,
                                              std::chrono::microseconds older_than);

} // namespace dfs::cli
