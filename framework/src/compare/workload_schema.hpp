#pragma once

#include <atoll/core/toml_config.hpp>

#include <span>

namespace atl::compare {

/// The keys of a workload file.
std::span<const key_spec> workload_schema();

} // namespace atl::compare
