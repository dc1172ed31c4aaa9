#include "flawed_protocol.hpp"
#include "paxos/wire.hpp"
#include "scenario_mutants.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);

namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace paxos = atl::paxos;

class flawed : public flawed_protocol<ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0)> {
 public:
  using flawed_protocol::flawed_protocol;

 protected:
  /// Changes an outgoing message of one kind.
  template <class Message, class Change>
  static void in_message(effect& it, Change change) {
    auto* sent = std::get_if<send>(&it);
    auto message = sent ? paxos::decode(sent->bytes) : std::nullopt;
    if (!message)
      return;
    if (auto* body = std::get_if<Message>(&message->body)) {
      change(*body, *sent);
      sent->bytes = paxos::encode(message->ballot, message->body);
    }
  }
};

/// A promise is sent before it is durable.
struct promises_early : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    in_message<paxos::promise>(it, [](auto&, auto& sent) { sent.after = 0; });
  }
};

/// Acknowledges entries before they are durable.
struct accepts_early : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    in_message<paxos::heartbeat_response>(it, [](auto& answer, auto& sent) {
      answer.match = std::max(answer.match, answer.acknowledged);
      sent.after = 0;
    });
  }
};

} // namespace

std::vector<scenario_mutant> paxos_mutants() {
  return {
      scenario_mutant_of<promises_early>("promises_early", "a promise leaves before it is durable",
                                         "promise_not_yet_durable", "index"),
      scenario_mutant_of<accepts_early>("accepts_early",
                                        "values are accepted before they are durable",
                                        "write_not_yet_durable", "index"),
  };
}

} // namespace broken_protocols
