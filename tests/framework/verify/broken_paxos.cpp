#include "flawed_protocol.hpp"
#include "paxos/wire.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);

namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace paxos = atl::paxos;

using flawed = flawed_protocol<ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0)>;

/// New leaders propose new values at indexes where a value was accepted.
struct ignores_accepted_values : flawed {
  using flawed::flawed;
  void step(replica_id from, std::string_view bytes) override {
    auto message = paxos::decode(bytes);
    auto* promise = message ? std::get_if<paxos::promise>(&message->body) : nullptr;
    if (!promise)
      return flawed::step(from, bytes);
    promise->accepted.clear();
    flawed::step(from, paxos::encode(message->ballot, message->body));
  }
};

/// Promises and the ballots of accepted values do not survive a crash.
struct promises_not_durable : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    if (auto* sync = std::get_if<persist>(&it))
      std::erase_if(sync->ops, [this](auto& op) {
        return std::holds_alternative<set_meta>(op) && std::exchange(written_, true);
      });
  }
  bool written_ = false; ///< the first write is kept: its loss would be noticed
};

} // namespace

std::vector<specimen> of_paxos() {
  return {
      specimen_of<ignores_accepted_values>(
          "ignores_accepted_values", "values of earlier ballots are not carried over", 20,
          "a replica helps to elect, and crashes before that is durable",
          "the replicas don't agree within a minute"),
      specimen_of<promises_not_durable>(
          "promises_not_durable", "promises are never written", 20,
          "entries of an older term are replaced by those of the term between",
          "went back from term"),
  };
}

} // namespace broken_protocols
