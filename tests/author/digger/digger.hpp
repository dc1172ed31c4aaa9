#pragma once

#include <atoll/node/dispatcher_section.hpp>
#include <atoll/node/node_context.hpp>
#include <atoll/node/role.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/dispatcher.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace digging {

inline const atl::node::dispatcher_section workers{"workers"};

/// One worker: answers every request.
inline caf::behavior dig(caf::event_based_actor*, std::uint64_t number) {
  return {[number](const atl::runtime::envelope& request) {
    auto answer = fmt::format("worker {} dug {}", number, request.body);
    return atl::runtime::make_reply({std::move(answer), {}, false});
  }};
}

/// A role whose requests go to one of four workers.
class digger final : public atl::node::role {
 public:
  std::string_view name() const override { return "digger"; }
  std::vector<atl::key_spec> keys() const override { return atl::node::dispatcher_keys(workers); }
  atl::status check(const atl::config& config) const override {
    atl::node::config_errors problems{config};
    atl::node::read_dispatcher(config, workers, problems);
    return problems.finish();
  }

  atl::status start(atl::node::node_context& node) override {
    node_ = &node;
    auto settings = atl::node::make_dispatcher(node.configuration, workers, node.plugins, "digger",
                                               std::hash<std::string>{}(node.self.name));
    if (!settings)
      return tl::unexpected{settings.error()};
    auto pool = std::make_unique<atl::runtime::dispatcher>(node.actors, std::move(*settings));
    std::vector<atl::runtime::dispatcher_worker> list;
    for (std::uint64_t id = 1; id <= 4; ++id) {
      actors_.push_back(node.actors->spawn(dig, id));
      list.push_back({id, fmt::format("worker {}", id), {}, 1, actors_.back()});
    }
    pool->set_workers(std::move(list));
    atl::runtime::role_info role;
    role.name = name();
    atl::runtime::tell_from_outside(node.endpoint,
                                    atl::runtime::adopt_role{role, nullptr, pool->actor()});
    std::lock_guard lock{mutex_};
    pool_ = std::move(pool);
    return {};
  }
  void stop() override {
    std::unique_lock lock{mutex_};
    auto pool = std::exchange(pool_, nullptr);
    lock.unlock();
    pool.reset(); // ends its requests, and waits for its callbacks
    if (node_ != nullptr)
      atl::node::end_actors(node_->actors, std::exchange(actors_, {}));
  }
  atl::node::role_health health() const override {
    std::lock_guard lock{mutex_}; // any thread may ask
    if (!pool_)
      return {atl::node::role_health::state::waits, "it starts"};
    return {atl::node::role_health::state::serves, describe(pool_->latest_status())};
  }
  void metrics(atl::metric_set& into) const override {
    std::lock_guard lock{mutex_};
    if (pool_)
      add_metrics(pool_->latest_status(), into);
  }

 private:
  atl::node::node_context* node_ = nullptr;
  mutable std::mutex mutex_; ///< guards `pool_`
  std::unique_ptr<atl::runtime::dispatcher> pool_;
  std::vector<caf::actor> actors_;
};

} // namespace digging
