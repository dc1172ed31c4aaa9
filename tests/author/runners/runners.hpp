#pragma once

#include "../job_queue/job_queue.hpp"

#include <atoll/node/dispatcher_role.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace jobs {

/// A role that does work at once, for whoever asks the node: here it says who did it.
class runner final : public atl::node::role {
 public:
  std::string_view name() const override { return "runner"; }
  atl::status start(atl::node::node_context& node) override {
    node_ = &node;
    auto run = [who = node.self.name](caf::event_based_actor*) -> caf::behavior {
      return {[who](const atl::runtime::envelope& request) {
        return atl::runtime::make_reply({fmt::format("{} ran {}", who, request.body), {}, false});
      }};
    };
    actor_ = node.actors->spawn(run);
    node.supervise(actor_, "the runner");
    atl::runtime::role_info role;
    role.name = name();
    atl::runtime::tell_from_outside(node.endpoint, atl::runtime::adopt_role{role, nullptr, actor_});
    return {};
  }
  void stop() override {
    if (actor_)
      atl::node::end_actors(node_->actors, {std::exchange(actor_, nullptr)});
  }
  atl::node::role_health health() const override {
    return {atl::node::role_health::state::serves, {}};
  }

 private:
  atl::node::node_context* node_ = nullptr;
  caf::actor actor_;
};

/// A role that hands its requests to the runners of all members.
class front final : public atl::node::dispatcher_role {
 public:
  front() : dispatcher_role{"front", runners} {}

  std::vector<atl::key_spec> keys() const override {
    auto keys = dispatcher_role::keys();
    for (auto& key : atl::node::group_keys(queue.members))
      keys.push_back(key);
    return keys;
  }

 private:
  atl::result<std::vector<atl::runtime::dispatcher_worker>>
  start_workers(atl::node::node_context& node) override {
    atl::node::config_errors problems{node.configuration};
    std::vector<atl::runtime::dispatcher_worker> list;
    for (auto& member : read_group(node.configuration, queue.members, problems))
      list.push_back({member.id, member.name, {}, 1, nullptr, member.address, "runner"});
    if (auto fine = problems.finish(); !fine)
      return tl::unexpected{fine.error()};
    return list;
  }
};

} // namespace jobs
