#pragma once

#include "free_port.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/group_client.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/system.hpp>

#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

/// A group of nodes whose replicas answer as a test tells them to, and its client.
namespace atl::runtime::testing {

using std::chrono::milliseconds;

/// Of tests in which nobody is silent: threads that stand still for some seconds change nothing.
inline connection_settings quick() {
  return {milliseconds{50}, milliseconds{30'000}, milliseconds{5}, milliseconds{20}};
}
/// Of tests in which a node says nothing.
inline connection_settings hasty() {
  auto timing = quick();
  timing.failure_timeout = milliseconds{300};
  return timing;
}
constexpr milliseconds long_timeout{60'000}; ///< of a call that nothing holds up
constexpr milliseconds short_timeout{3'000}; ///< of a call that nobody answers

inline node_info named(std::string name) {
  node_info info;
  info.cluster = "reef";
  info.name = std::move(name);
  return info;
}

inline role_info role_named(std::string name) {
  role_info role;
  role.name = std::move(name);
  return role;
}

/// The description of a node with these roles.
inline std::shared_ptr<node_description> describe(node_info self,
                                                  const std::vector<role_info>& roles = {}) {
  auto description = std::make_shared<node_description>(std::move(self));
  for (auto& role : roles)
    description->set_role(role);
  return description;
}

/// A replica with scripted responses that records the calls it receives.
class scripted_replica : public caf::event_based_actor {
 public:
  struct script {
    std::mutex mutex;
    std::deque<reply> answers; ///< one for each call; after the last one calls are echoed
    bool silent = false;
    std::vector<std::string> asked;
    std::size_t envelopes = 0;
    std::vector<known_replica> group;
  };

  scripted_replica(caf::actor_config& config, std::shared_ptr<script> given)
      : caf::event_based_actor{config}, script_{std::move(given)} {}

  caf::behavior make_behavior() override {
    return {[this](client_calls& request) {
              std::lock_guard lock{script_->mutex};
              ++script_->envelopes;
              std::vector<client_response> answers;
              for (auto& call : request.calls) {
                script_->asked.push_back(call.body);
                if (script_->silent)
                  continue;
                reply answer{"echo " + call.body, {}, false};
                if (!script_->answers.empty()) {
                  answer = script_->answers.front();
                  script_->answers.pop_front();
                }
                answers.push_back({call.id, answer});
              }
              tell(this, caf::actor_cast<caf::actor>(current_sender()),
                   envelope{message_kind::answers, 0, encode(answers)});
            },
            [this](const query_state& request) -> caf::result<envelope> {
              std::lock_guard lock{script_->mutex};
              script_->asked.push_back(request.query);
              if (script_->silent)
                return unanswered_.emplace_back(make_response_promise<envelope>());
              return make_reply(
                  {std::string{request.level == spi::read_level::local ? "local" : "latest"},
                   {},
                   false});
            },
            [this](get_group) {
              return make_reply({encode(script_->group), {}, false});
            }};
  }

 private:
  std::shared_ptr<script> script_;
  std::vector<caf::typed_response_promise<envelope>> unanswered_;
};

struct fake_node {
  explicit fake_node(std::string name) : where{"127.0.0.1", free_port()} {
    replica = actors->spawn<scripted_replica>(script);
    auto role = role_named("master");
    node_endpoint = spawn_on_io_thread<node_endpoint_actor>(
        *actors,
        node_endpoint_actor::settings{describe(named(name), {role}), {{role, replica, nullptr}}});
    if (auto published = actors.publish(node_endpoint, where); !published)
      throw std::runtime_error(published.error().message);
  }
  ~fake_node() {
    caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(replica, caf::exit_reason::user_shutdown);
  }
  std::size_t asked() {
    std::lock_guard lock{script->mutex};
    return script->asked.size();
  }

  std::shared_ptr<scripted_replica::script> script = std::make_shared<scripted_replica::script>();
  system actors{1};
  endpoint where;
  caf::actor replica;
  caf::actor node_endpoint;
};

struct fake_group {
  std::vector<std::unique_ptr<fake_node>> nodes;
  system actors{1};
  std::unique_ptr<group_client> client;

  /// @param strangers listed before the group's own nodes
  /// @param first the node that the client calls first
  explicit fake_group(int count, int known = 0, milliseconds timeout = long_timeout,
                      const connection_settings& timing = quick(),
                      const std::vector<endpoint>& strangers = {},
                      std::optional<std::size_t> first = {}) {
    for (int i = 0; i < count; ++i)
      nodes.push_back(std::make_unique<fake_node>(fmt::format("node-{}", i)));
    group_client::settings settings;
    settings.self = named("a client");
    settings.role = "master";
    settings.timing = timing;
    settings.timeout = timeout;
    settings.advice = "start them";
    settings.refusal_timeout = milliseconds{100};
    for (auto& where : strangers)
      settings.members.push_back({"stranger", where});
    for (int i = 0; i < (known == 0 ? count : known); ++i)
      settings.members.push_back(
          {fmt::format("node-{}", i), nodes[static_cast<std::size_t>(i)]->where});
    if (first)
      settings.first = address(*first);
    client = std::make_unique<group_client>(actors, settings);
  }
  std::string address(std::size_t node) { return to_string(nodes[node]->where); }
};

} // namespace atl::runtime::testing
