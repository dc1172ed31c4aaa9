#include <atoll/core/watched_balancer.hpp>
#include <atoll/node/pool_section.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace atl::node {

std::vector<key_spec> pool_keys(std::string_view table, const pool_defaults& defaults) {
  using spi::option_type;
  std::vector<key_spec> keys{
      {.key = "eject_after",
       .type = option_type::integer,
       .default_value = "5",
       .minimum = "0",
       .maximum = "1000000",
       .meaning = "A worker is taken out for a while after so many failures in a row; 0: never."},
      {.key = "eject_for",
       .type = option_type::duration,
       .default_value = "5s",
       .minimum = "1ms",
       .maximum = "24h",
       .meaning = "For how long at first; twice as long each further time."},
      {.key = "slow_start",
       .type = option_type::duration,
       .default_value = defaults.slow_start,
       .minimum = "0s",
       .maximum = "24h",
       .meaning = "A worker that is new or comes back gets its share little by little in this "
                  "time."},
      {.key = "balancer_timeout",
       .type = option_type::duration,
       .default_value = defaults.balancer_timeout,
       .minimum = "0s",
       .maximum = "1m",
       .meaning = "A call of the balancer that takes longer has failed, and the balancer isn't "
                  "called any more. Such calls take some 20 us each; with 0s a balancer is called "
                  "at once, and one that hangs hangs its caller."}};
  for (auto& key : keys)
    key.key = fmt::format("{}.{}", table, key.key);
  return keys;
}

pool_config read_pool(const config& config, std::string_view table) {
  auto key = [&](std::string_view name) { return fmt::format("{}.{}", table, name); };
  pool_config read;
  read.outliers.failures = static_cast<std::uint32_t>(config.integer(key("eject_after")));
  read.outliers.ejection = config.duration(key("eject_for"));
  read.outliers.ejection_max = std::max(read.outliers.ejection_max, read.outliers.ejection);
  read.slow_start = config.duration(key("slow_start"));
  read.balancer_timeout =
      std::chrono::ceil<std::chrono::milliseconds>(config.duration(key("balancer_timeout")));
  return read;
}

std::shared_ptr<spi::balancer> watch(std::shared_ptr<spi::balancer> balancer,
                                     std::chrono::milliseconds limit) {
  if (limit.count() == 0)
    return balancer;
  return std::make_shared<watched_balancer>(std::move(balancer), limit);
}

} // namespace atl::node
