#pragma once

#include "plugins/consensus/mutant.hpp"
#include "raft/wire.hpp"
#include "scenario_mutants.hpp"

#include <optional>
#include <string_view>
#include <vector>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);

namespace broken_protocols {

inline const atl::spi::descriptor& right_raft() {
  return ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
}

/// Raft, of which a mistake overrides what it gets wrong.
class flawed_raft : public under_test::mutant {
 public:
  explicit flawed_raft(const atl::spi::consensus_setup& setup)
      : mutant{std::unique_ptr<atl::spi::consensus>{right_raft().create.consensus(setup)}, setup},
        voters_{setup.voters} {}

 protected:
  /// Changes a message of one kind that is sent.
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

template <class Flawed>
scenario_mutant raft_with(std::string_view name, std::string_view mistake,
                          std::string_view scenario, std::string_view detail,
                          const atl::verify::scenario_choice& choice = {},
                          const under_test::overrides& options = {}) {
  return {name, mistake, like<Flawed>(right_raft()), scenario, detail, choice, options};
}

} // namespace broken_protocols
