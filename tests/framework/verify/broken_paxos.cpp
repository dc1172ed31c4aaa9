#include "broken_protocols.hpp"
#include "paxos/wire.hpp"
#include "plugins/consensus/mutant.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);

namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace paxos = atl::paxos;

class flawed : public under_test::mutant {
 public:
  explicit flawed(const consensus_setup& setup)
      : mutant{std::unique_ptr<consensus>{
                   ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0).create.consensus(setup)},
               setup} {}
};

/// New leaders propose anew where something was accepted.
struct forgets_the_accepted : flawed {
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

/// Promises and the ballots of what was accepted don't survive a crash.
struct promises_in_the_air : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
    if (auto* sync = std::get_if<persist>(&it))
      std::erase_if(sync->ops, [this](auto& op) {
        return std::holds_alternative<set_meta>(op) && std::exchange(written_, true);
      });
  }
  bool written_ = false; ///< the first one: without any, it would notice
};

template <class Flawed>
specimen one(std::string_view name, std::string_view mistake, std::uint64_t seeds,
             std::string_view property, std::string_view detail) {
  return {name,  mistake,  like<Flawed>(ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0)),
          seeds, property, detail};
}

} // namespace

std::vector<specimen> of_paxos() {
  return {
      one<forgets_the_accepted>("forgets_the_accepted",
                                "values of earlier ballots are not carried over", 20,
                                "a replica helps to elect, and crashes before that is durable",
                                "the replicas don't agree within a minute"),
      one<promises_in_the_air>("promises_in_the_air", "promises are never written", 20,
                               "entries of an older term are replaced by those of the term between",
                               "went back from term"),
  };
}

} // namespace broken_protocols
