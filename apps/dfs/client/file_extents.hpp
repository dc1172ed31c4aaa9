#pragma once

#include "client/control.hpp"

#include <atoll/core/error.hpp>

#include <functional>
#include <string>

namespace dfs {

/// Calls `each` for all extents of a file, in order, until it returns an error.
/// @param page the file's first page, which becomes its last one. Errors: refused if the file was
/// replaced meanwhile; corrupt for an extent that can't be true.
atl::status for_each_extent(control& masters, const std::string& path, responses::opened& page,
                            const std::function<atl::status(const placed_extent&)>& each);

} // namespace dfs
