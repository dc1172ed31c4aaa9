#include <atoll/node/dispatcher_role.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <functional>
#include <utility>

namespace atl::node {

dispatcher_role::dispatcher_role(std::string name, dispatcher_section section)
    : name_{std::move(name)}, section_{std::move(section)} {}

status dispatcher_role::check(const config& config) const {
  config_errors problems{config};
  read_dispatcher(config, section_, problems);
  return problems.finish();
}

status dispatcher_role::start(node_context& node) {
  auto settings = make_dispatcher(node.configuration, section_, node.plugins, name_,
                                  std::hash<std::string>{}(node.self.name));
  if (!settings)
    return tl::unexpected{settings.error()};
  settings->connections = node.connections;
  auto pool = std::make_unique<runtime::dispatcher>(node.actors, std::move(*settings));
  auto workers = start_workers(node);
  if (!workers)
    return tl::unexpected{workers.error()};
  pool->set_workers(std::move(*workers));
  node.supervise(pool->actor(), "the dispatcher");
  runtime::role_info role;
  role.name = name_;
  runtime::tell_from_outside(node.endpoint, runtime::adopt_role{role, nullptr, pool->actor()});
  std::lock_guard lock{mutex_};
  pool_ = std::move(pool);
  return {};
}

void dispatcher_role::stop() {
  std::unique_lock lock{mutex_};
  auto pool = std::exchange(pool_, nullptr);
  lock.unlock();
  pool.reset(); // ends its requests, and waits for its callbacks
  stop_workers();
}

role_health dispatcher_role::health() const {
  std::lock_guard lock{mutex_};
  if (!pool_)
    return {role_health::state::waits, "it starts"};
  return {role_health::state::serves, describe(pool_->latest_status())};
}

void dispatcher_role::metrics(metric_set& into) const {
  std::lock_guard lock{mutex_};
  if (pool_)
    add_metrics(pool_->latest_status(), into);
}

void dispatcher_role::set_workers(std::vector<runtime::dispatcher_worker> workers) {
  std::lock_guard lock{mutex_};
  if (pool_)
    pool_->set_workers(std::move(workers));
}

} // namespace atl::node
