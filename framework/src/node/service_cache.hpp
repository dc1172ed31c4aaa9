#pragma once

#include <atoll/core/toml_config.hpp>
#include <atoll/node/config_errors.hpp>
#include <atoll/node/service_description.hpp>

#include <cstdint>

namespace atl::node {

/// The key of the service's cache, `service_description::cache`.
key_spec cache_key(const service_description& service);

/// A cache larger than the memory is a mistake. @param memory_bytes as `machine_memory` says
void check_cache(const config& config, const service_description& service,
                 std::uint64_t memory_bytes, config_errors& problems);

/// The size of the service's cache in bytes: as configured, otherwise a quarter of the memory and
/// at least 64 MiB.
std::uint64_t cache_bytes(const config& config, const service_description& service,
                          std::uint64_t memory_bytes);

} // namespace atl::node
