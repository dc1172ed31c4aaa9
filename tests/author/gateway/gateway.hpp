#pragma once

#include <atoll/core/state/answer.hpp>
#include <atoll/node/cluster_config.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/node/node_context.hpp>
#include <atoll/node/role.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/service_client.hpp>

#include <cstdint>
#include <job_queue.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace jobs {

/// Adds each text that it is sent to the queue, and answers with the job's id.
class gateway_actor final : public caf::event_based_actor {
 public:
  using envelope = atl::runtime::envelope;

  gateway_actor(caf::actor_config& config, std::shared_ptr<atl::runtime::service_client> queue)
      : caf::event_based_actor{config}, queue_{std::move(queue)} {}

  caf::behavior make_behavior() override {
    return {
        [this](const envelope& request) {
          auto promise = make_response_promise<envelope>();
          open_[++last_] = promise;
          // Another thread calls back: the answer comes as a message of this actor's own.
          queue_->run(add, request.body,
                      [self = caf::actor_cast<caf::actor>(this), id = last_](auto answer) {
                        auto text = answer ? atl::decode_answer(*answer) : answer;
                        caf::anon_send(self, id, text.has_value(),
                                       text ? *text : text.error().message);
                      });
          return promise;
        },
        [this](std::uint64_t id, bool is_done, std::string& text) {
          atl::result<std::string> answer{text};
          if (!is_done)
            answer = atl::fail(atl::errc::unavailable, text);
          open_.extract(id).mapped().deliver(atl::runtime::make_reply({answer, {}, false}));
        },
    };
  }
  void on_exit() override { queue_.reset(); }

 private:
  std::shared_ptr<atl::runtime::service_client> queue_;
  std::map<std::uint64_t, caf::typed_response_promise<envelope>> open_;
  std::uint64_t last_ = 0;
};

/// The role of a node that has a gateway: any node of the cluster may.
class gateway final : public atl::node::role {
 public:
  std::string_view name() const override { return "gateway"; }
  std::vector<atl::key_spec> keys() const override { return atl::node::group_keys(queue.members); }
  atl::status check(const atl::config& config) const override {
    atl::node::config_errors problems{config};
    atl::node::read_group(config, queue.members, problems);
    return problems.finish();
  }

  atl::status start(atl::node::node_context& node) override {
    node_ = &node;
    atl::node::config_errors problems{node.configuration};
    atl::runtime::group_client::settings group;
    group.self = node.connections->self().info();
    group.timing = node.cluster.links;
    group.role = queue.name;
    group.timeout = node.cluster.client_timeout;
    for (auto& member : atl::node::read_group(node.configuration, queue.members, problems))
      group.members.push_back({member.name, member.address});
    auto client = std::make_shared<atl::runtime::service_client>(node.actors, std::move(group));
    actor_ = node.actors->spawn<gateway_actor>(std::move(client));
    node.supervise(actor_, "the gateway");
    atl::runtime::role_info role;
    role.name = name();
    atl::runtime::tell_from_outside(node.endpoint, atl::runtime::adopt_role{role, nullptr, actor_});
    return problems.finish();
  }
  void stop() override {
    if (actor_)
      atl::node::end_actors(node_->actors, {std::exchange(actor_, nullptr)});
  }
  atl::node::role_health health() const override {
    return {atl::node::role_health::state::serves, "it passes on what nodes and clients send"};
  }

 private:
  atl::node::node_context* node_ = nullptr;
  caf::actor actor_;
};

} // namespace jobs
