#pragma once

#include <atoll/compare/queueing.hpp>

#include <string>
#include <string_view>

namespace atl::compare {

/// The outcome of a run as bytes, for another process of the same program.
std::string to_bytes(const result<strategy_result>& outcome);
/// @pre `bytes` is what `to_bytes` returned
result<strategy_result> from_bytes(std::string_view bytes);

} // namespace atl::compare
