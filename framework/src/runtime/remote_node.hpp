#pragma once

#include "network_messages.hpp"

#include <atoll/net/channel.hpp>
#include <atoll/runtime/io_thread_actor.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <caf/actor_addr.hpp>
#include <caf/response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::runtime {

/// Stands for the node at the other end of a connection. It sends the envelopes that local actors
/// send to it, and hands envelopes that arrive to one local actor. A request gets its reply; an
/// envelope without a request is sent and forgotten. Nothing but an envelope can arrive.
///
/// Small messages and large ones use separate connections from the time on when the dialer wants
/// that (`need_bulk_lane`); large ones wait until the second connection is made. The end of one
/// ends both, and the actor. What waits to be sent is bounded: beyond `connection_bytes_max`, a
/// request is answered `busy`, and an envelope without a reply is dropped at the end that dialed;
/// the end that was dialed closes the connection, for its peer reads too slowly.
class remote_node_actor : public io_thread_actor {
 public:
  struct settings {
    std::string peer; ///< for the log
    std::shared_ptr<boost::asio::ip::tcp::socket> socket;
    std::shared_ptr<void> place; ///< `net::admitted::place`
    /// Only at the end that was dialed: receives what arrives, and this actor lives as long as the
    /// connection. At the end that dialed this is null, and the actor lives as long as others hold
    /// a handle.
    caf::actor receiver;
    caf::actor_addr owner; ///< at the end that dialed: receives what arrives unasked
    dial_bulk_lane lane;   ///< at the end that dialed: how a bulk lane is made
  };

  remote_node_actor(caf::actor_config& config, settings given);
  ~remote_node_actor() override;
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.remote_node"; }

 private:
  using clock = std::chrono::steady_clock;
  enum class message_use : std::uint8_t { one_way, request, response };
  struct held_message {
    message_use use = message_use::one_way;
    std::uint64_t id = 0;
    envelope message;
  };
  struct waiting_request {
    caf::response_promise promise;
    clock::time_point since;
  };

  std::shared_ptr<net::channel> open(boost::asio::ip::tcp::socket socket,
                                     std::shared_ptr<void> place);
  caf::result<envelope> forward(envelope& message);
  void open_bulk_lane();
  bool transmit(message_use use, std::uint64_t id, envelope message);
  bool hold(held_message held);
  void send_held();
  void on_arrived(envelope_arrived& what);
  void on_request(std::uint64_t id, envelope message);
  void respond(std::uint64_t id, envelope message);
  void arm();
  void on_tick();
  void end(const std::string& why);
  void close_channels();

  settings settings_;
  std::shared_ptr<net::channel> urgent_lane_;
  std::shared_ptr<net::channel> bulk_lane_; ///< null: there is none, or not yet
  bool lane_ordered_ = false;
  std::vector<held_message> held_; ///< until the bulk lane that was ordered is there
  std::size_t held_bytes_ = 0;
  std::map<std::uint64_t, waiting_request> waiting_; ///< requests to the node
  std::uint64_t last_id_ = 0;
  std::size_t serving_ = 0; ///< requests of the node that are not answered yet
  std::uint64_t dropped_ = 0;
  std::optional<boost::asio::steady_timer> timer_; ///< set once the actor runs
};

} // namespace atl::runtime
