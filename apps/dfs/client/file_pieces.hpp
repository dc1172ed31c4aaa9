#pragma once

#include "client/control.hpp"

#include <atoll/core/error.hpp>

#include <functional>
#include <string>

namespace dfs {

/// The error of a read during which the file got another content.
atl::error changed_meanwhile(const std::string& path);

/// Calls `each` for all pieces of a file, holes included, in order and without gaps, until it
/// returns an error.
/// @param page the file's first page, which becomes its last one. Errors: refused if the file was
/// replaced or changed meanwhile; corrupt for a piece that can't be true.
atl::status for_each_piece(control& masters, const std::string& path, responses::opened& page,
                           const std::function<atl::status(const piece&)>& each);

} // namespace dfs
