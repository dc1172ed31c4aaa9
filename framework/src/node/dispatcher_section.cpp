#include <atoll/core/quantity.hpp>
#include <atoll/node/dispatcher_section.hpp>
#include <atoll/node/pool_section.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

namespace atl::node {

namespace {

using spi::option_type;

struct hedge_setting {
  std::chrono::microseconds after{0};
  double quantile = 0;
};

/// `off`, a duration, or a percentage between 50% and 100%.
std::optional<hedge_setting> parse_hedge(std::string_view text) {
  if (text == "off")
    return hedge_setting{};
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    double percent = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), percent);
    auto is_number = problem == std::errc{} && end == text.data() + text.size();
    if (!is_number || !(percent >= 50 && percent < 100)) // NaN is a number to from_chars
      return std::nullopt;
    return hedge_setting{{}, percent / 100};
  }
  auto after = parse_duration(text);
  if (!after || after->count() == 0)
    return std::nullopt;
  return hedge_setting{*after, 0};
}

} // namespace

plugin_section dispatcher_section::plugin() const {
  return {table + ".balancer", spi::plugin_kind::balancer, default_balancer,
          "The balancer that picks the worker of each request."};
}

std::vector<key_spec> dispatcher_keys(const dispatcher_section& section) {
  std::vector<key_spec> keys{
      {.key = "worker_requests",
       .type = option_type::integer,
       .default_value = "128",
       .minimum = "1",
       .maximum = "1000000",
       .meaning = "Requests that one worker works on at once; further ones wait in the queue."},
      {.key = "queue",
       .type = option_type::integer,
       .default_value = "1024",
       .minimum = "0",
       .maximum = "10000000",
       .meaning = "Requests that wait while all workers are busy; 0: none."},
      {.key = "queue_bytes",
       .type = option_type::size,
       .default_value = "64MiB",
       .minimum = "0",
       .maximum = "1TiB",
       .meaning = "Bytes of the requests that wait."},
      {.key = "overflow",
       .default_value = "reject",
       .maximum = "reject|drop_oldest|drop_earliest_deadline",
       .meaning =
           "Which request is refused when the queue is full: the new one, the one that waits "
           "longest, or the one whose deadline comes first."},
      {.key = "deadline",
       .type = option_type::duration,
       .default_value = "10s",
       .minimum = "1ms",
       .maximum = "24h",
       .meaning = "Of requests that name none; they fail when it has passed."},
      {.key = "repeatable",
       .type = option_type::boolean,
       .default_value = "false",
       .meaning = "Whether a request that doesn't say so, such as one from another node, may be "
                  "done twice without harm."},
      {.key = "retries",
       .type = option_type::integer,
       .default_value = "2",
       .minimum = "0",
       .maximum = "100",
       .meaning = "How often a request that failed is sent again, to another worker if there is "
                  "one. Unless it may be repeated, only if it surely wasn't done."},
      {.key = "retry_budget",
       .type = option_type::real,
       .default_value = "0.2",
       .minimum = "0",
       .maximum = "1",
       .meaning = "Retries and hedges that each request earns; ten a second come on top."},
      {.key = "attempt_timeout",
       .type = option_type::duration,
       .default_value = "0s",
       .minimum = "0s",
       .maximum = "24h",
       .meaning = "A worker that takes longer has failed, and the request is sent again; 0s: only "
                  "the deadline counts."},
      {.key = "hedge_after",
       .default_value = "off",
       .meaning = "When a request that may be repeated is sent to a second worker as well, and the "
                  "first answer counts: after a time (\"20ms\"), or when it takes longer than that "
                  "part of the others (\"95%\"); \"off\": never."},
      {.key = "busy_pause",
       .type = option_type::duration,
       .default_value = "5ms",
       .minimum = "0s",
       .maximum = "1m",
       .meaning = "A worker that refuses a request because it is busy gets no other one for so "
                  "long; 0s: it gets others at once."}};
  for (auto& key : keys)
    key.key = section.table + "." + key.key;
  for (auto& key : pool_keys(section.table))
    keys.push_back(key);
  return keys;
}

dispatcher_config read_dispatcher(const config& config, const dispatcher_section& section,
                                  config_errors& problems) {
  auto key = [&](std::string_view name) { return fmt::format("{}.{}", section.table, name); };
  auto number = [&](std::string_view name) {
    return static_cast<std::uint32_t>(config.integer(key(name)));
  };
  dispatcher_config read;
  auto& options = read.options;
  read.deadline = config.duration(key("deadline"));
  options.worker_requests_max = number("worker_requests");
  options.queue.requests_max = number("queue");
  options.queue.bytes_max = config.size(key("queue_bytes"));
  options.queue.overflow = parse_overflow_policy(config.text(key("overflow"))).value();
  read.repeatable = config.boolean(key("repeatable"));
  options.retries_max = number("retries");
  options.budget.share = config.real(key("retry_budget"));
  options.attempt_timeout = config.duration(key("attempt_timeout"));
  options.busy_pause = config.duration(key("busy_pause"));
  auto pool = read_pool(config, section.table);
  options.outliers = pool.outliers;
  options.slow_start = pool.slow_start;
  read.balancer_timeout = pool.balancer_timeout;
  auto& written = config.text(key("hedge_after"));
  if (auto hedge = parse_hedge(written)) {
    options.hedge_after = hedge->after;
    options.hedge_quantile = hedge->quantile;
  } else {
    problems.add(key("hedge_after"),
                 fmt::format("'{}' is no time for a hedge; expected a duration above 0 such as "
                             "\"20ms\", a part of the requests from \"50%\" to below \"100%\", or "
                             "\"off\"",
                             written));
  }
  if (options.attempt_timeout > read.deadline)
    problems.add(key("attempt_timeout"),
                 fmt::format("{} never comes before {}, which is {}",
                             format_duration(options.attempt_timeout), key("deadline"),
                             format_duration(read.deadline)));
  return read;
}

result<runtime::dispatcher::settings> make_dispatcher(const config& config,
                                                      const dispatcher_section& section,
                                                      const plugin_host& plugins, std::string name,
                                                      std::uint64_t seed) {
  config_errors problems{config};
  auto read = read_dispatcher(config, section, problems);
  if (auto fine = problems.finish(); !fine)
    return tl::unexpected{fine.error()};
  auto& chosen = plugins.at(section.plugin().key);
  auto balancer = chosen.create_balancer(seed);
  if (!balancer)
    return tl::unexpected{balancer.error()};
  runtime::dispatcher::settings made;
  made.name = std::move(name);
  made.balancer = watch(std::move(*balancer), read.balancer_timeout);
  made.balancer_name = chosen.plugin->name();
  made.options = read.options;
  made.options.seed = seed;
  auto& queue = made.options.queue;
  made.arrivals_max = std::max(made.arrivals_max, queue.requests_max);
  made.arrivals_bytes_max = std::max(made.arrivals_bytes_max, queue.bytes_max);
  made.deadline = read.deadline;
  made.repeatable = read.repeatable;
  return made;
}

} // namespace atl::node
