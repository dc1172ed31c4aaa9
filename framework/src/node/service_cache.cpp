#include "service_cache.hpp"

#include <atoll/core/quantity.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl::node {

namespace {

constexpr std::uint64_t default_bytes_min = 64u << 20;
constexpr const char* bytes_min = "8MiB";

} // namespace

key_spec cache_key(const service_description& service) {
  return {.key = service.cache,
          .type = spi::option_type::size,
          .minimum = bytes_min,
          .meaning = "Memory for what the service's database reads again: half for rows, half for "
                     "blocks of its files; unless set, a quarter of the memory that the machine or "
                     "the control group has, and at least 64MiB."};
}

void check_cache(const config& config, const service_description& service,
                 std::uint64_t memory_bytes, config_errors& problems) {
  auto bytes = config.size(service.cache);
  if (bytes > memory_bytes)
    problems.add(service.cache,
                 fmt::format("is {}, and all memory that this machine has, or that its control "
                             "group allows, is {}MiB: half of that is plenty",
                             format_size(static_cast<std::int64_t>(bytes)), memory_bytes >> 20));
}

std::uint64_t cache_bytes(const config& config, const service_description& service,
                          std::uint64_t memory_bytes) {
  return config.is_set(service.cache) ? config.size(service.cache)
                                      : std::max(memory_bytes / 4, default_bytes_min);
}

} // namespace atl::node
