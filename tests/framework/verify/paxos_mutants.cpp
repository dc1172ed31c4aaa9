#include "paxos/wire.hpp"
#include "plugins/consensus/mutant.hpp"
#include "scenario_mutants.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);

namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace paxos = atl::paxos;

const descriptor& right() {
  return ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);
}

class flawed : public under_test::mutant {
 public:
  explicit flawed(const consensus_setup& setup)
      : mutant{std::unique_ptr<consensus>{right().create.consensus(setup)}, setup} {}

 protected:
  /// Changes a message of one kind that is sent.
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

/// A promise leaves before it is on the disk.
struct promises_early : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
    in_message<paxos::promise>(it, [](auto&, auto& sent) { sent.after = 0; });
  }
};

/// Says that it has accepted what it holds, durable or not.
struct accepts_early : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
    in_message<paxos::heartbeat_response>(it, [](auto& answer, auto& sent) {
      answer.match = std::max(answer.match, answer.acknowledged);
      sent.after = 0;
    });
  }
};

template <class Flawed>
scenario_mutant one(std::string_view name, std::string_view mistake, std::string_view scenario,
                    std::string_view detail) {
  return {name, mistake, like<Flawed>(right()), scenario, detail};
}

} // namespace

std::vector<scenario_mutant> paxos_mutants() {
  return {
      one<promises_early>("promises_early", "a promise leaves before it is durable",
                          "promise_not_yet_durable", "index"),
      one<accepts_early>("accepts_early", "values are accepted before they are durable",
                         "write_not_yet_durable", "index"),
  };
}

} // namespace broken_protocols
