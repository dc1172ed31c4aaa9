#pragma once

#include "network_messages.hpp"

#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace atl::runtime {

/// Implements `node_client`.
class node_client_actor : public io_thread_actor {
 public:
  node_client_actor(caf::actor_config& config, node_client::settings given);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.node_client"; }

 private:
  struct link {
    caf::actor node; ///< null while it is being connected
    std::uint64_t generation = 0;
    std::vector<node_call> queue; ///< waits for the connection
    std::size_t under_way = 0;    ///< requests and deferred calls
  };
  struct deferred_work {
    std::string where;
    caf::actor node;
    std::shared_ptr<node_caller> caller;
  };

  void on_call(node_call& call);
  bool make_room();
  void connect(const std::string& address, const endpoint& where);
  void on_connected(const std::string& address, const caf::actor& node);
  void on_failed(const std::string& address, const error& problem);
  void on_lost(std::uint64_t generation);
  void send_call(const std::string& address, node_call call);
  void send_request(const std::string& address, envelope message,
                    std::function<void(result<std::string>)> done);
  void defer(const std::string& address, node_call call);
  void on_completion(const envelope& message);
  void finish_deferred(std::uint64_t id, result<std::string> outcome);
  void release(const std::string& address);

  node_client::settings settings_;
  std::uint64_t digest_;
  std::map<std::string, link> links_; ///< by address
  std::map<std::uint64_t, deferred_work> deferred_;
  std::uint64_t last_id_ = 0;
  std::uint64_t generations_ = 0;
};

} // namespace atl::runtime
