#pragma once

#include "flawed_protocol.hpp"
#include "raft/wire.hpp"

#include <optional>
#include <string_view>
#include <vector>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);

namespace broken_protocols {

/// The base of a Raft with a mistake.
class flawed_raft : public flawed_protocol<ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0)> {
 public:
  explicit flawed_raft(const atl::spi::consensus_setup& setup)
      : flawed_protocol{setup}, voters_{setup.voters} {}

 protected:
  /// Changes an outgoing message of one kind.
  template <class Message, class Change>
  static void in_message(atl::spi::effect& it, Change change) {
    auto* sent = std::get_if<atl::spi::send>(&it);
    auto message = sent ? atl::raft::decode(sent->bytes) : std::nullopt;
    if (!message)
      return;
    if (auto* body = std::get_if<Message>(&message->body)) {
      change(*body, *sent);
      sent->bytes = atl::raft::encode(message->term, message->body);
    }
  }
  template <class Message>
  static std::optional<Message> received(std::string_view bytes) {
    auto message = atl::raft::decode(bytes);
    auto* body = message ? std::get_if<Message>(&message->body) : nullptr;
    return body ? std::optional{*body} : std::nullopt;
  }
  bool leads() { return inner().status().role == atl::spi::replica_role::leader; }

  std::vector<atl::spi::replica_id> voters_;
};

} // namespace broken_protocols
