#include "broken_protocols.hpp"
#include "plugins/consensus/mutant.hpp"
#include "raft/wire.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);

/// Raft with mistakes that no group of three shows with the options' defaults.
namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace raft = atl::raft;

const descriptor& right_raft() {
  return ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
}

class flawed : public under_test::mutant {
 public:
  explicit flawed(const consensus_setup& setup)
      : mutant{std::unique_ptr<consensus>{right_raft().create.consensus(setup)}, setup} {}
};

/// Cuts one entry more than the state machine has on its disk: kept entries hide that.
struct cuts_one_too_many : flawed {
  using flawed::flawed;
  void on_applied(log_index index) override { flawed::on_applied(index + 1); }
};

/// What a snapshot says of terms and members isn't made durable with it.
struct forgets_the_snapshot : flawed {
  using flawed::flawed;
  void on_installed(log_index index) override {
    installed_ = true;
    flawed::on_installed(index);
  }
  void spoil(effect& it) override {
    if (auto* sync = std::get_if<persist>(&it); sync && std::exchange(installed_, false))
      std::erase_if(sync->ops, [](auto& op) { return std::holds_alternative<set_meta>(op); });
  }
  bool installed_ = false;
};

/// With batches of one entry the acknowledgement is off by one.
struct counts_batches_wrong : flawed {
  explicit counts_batches_wrong(const consensus_setup& setup)
      : flawed{setup}, small_{setup.options.integer("batch_bytes") < 4096} {}
  void spoil(effect& it) override {
    auto* sent = small_ ? std::get_if<send>(&it) : nullptr;
    auto message = sent ? raft::decode(sent->bytes) : std::nullopt;
    if (auto* answer = message ? std::get_if<raft::append_response>(&message->body) : nullptr;
        answer && answer->fits && answer->acknowledged > answer->match) {
      ++answer->match;
      sent->bytes = raft::encode(message->term, message->body);
    }
  }
  bool small_;
};

/// With leases on, a leader has one for as long as it takes itself for the leader.
struct endless_lease : flawed {
  explicit endless_lease(const consensus_setup& setup)
      : flawed{setup}, on_{setup.options.boolean("lease")} {}
  void read(request_id id, read_level level) override {
    auto leads = on_ && inner().status().role == replica_role::leader;
    flawed::read(id, leads ? read_level::local : level);
  }
  bool on_;
};

/// The length of a command has sixteen bits.
struct short_lengths : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
    auto* sent = std::get_if<send>(&it);
    if (!sent || sent->bytes.size() < 65'536)
      return;
    auto message = raft::decode(sent->bytes);
    auto* append = message ? std::get_if<raft::append_request>(&message->body) : nullptr;
    if (!append)
      return;
    for (auto& entry : append->entries)
      entry.body.resize(entry.body.size() % 65'536);
    sent->bytes = raft::encode(message->term, message->body);
  }
};

/// In a group of an even size half of it counts as a majority: who answers counts twice.
struct half_is_a_majority : flawed {
  explicit half_is_a_majority(const consensus_setup& setup) : flawed{setup}, group_{setup.voters} {}
  void step(replica_id from, std::string_view bytes) override {
    flawed::step(from, bytes);
    auto at = std::ranges::find(group_, from);
    if (group_.size() % 2 != 0 || at == group_.end())
      return;
    auto other = *at % group_.size() + 1;
    if (other == self())
      other = other % group_.size() + 1;
    auto message = raft::decode(bytes);
    if (message && (std::holds_alternative<raft::append_response>(message->body) ||
                    std::holds_alternative<raft::vote_response>(message->body)))
      flawed::step(static_cast<replica_id>(other), bytes);
  }
  std::vector<replica_id> group_;
};

/// After many entries it no longer asks anybody before it reads.
struct tires_of_asking : flawed {
  using flawed::flawed;
  void read(request_id id, read_level level) override {
    flawed::read(id, inner().status().committed > 1'200 ? read_level::local : level);
  }
};

template <class Flawed>
specimen one(std::string_view name, std::string_view mistake, std::uint64_t seeds,
             std::string_view property, std::string_view detail) {
  return {name, mistake, like<Flawed>(right_raft()), seeds, property, detail};
}

} // namespace

std::vector<specimen> in_corners() {
  return {
      one<cuts_one_too_many>("cuts_one_too_many", "the log is cut beyond what is durable", 200,
                             "three replicas under simulated faults", "they don't belong together"),
      one<forgets_the_snapshot>("forgets_the_snapshot", "a snapshot's terms aren't durable", 200,
                                "three replicas under simulated faults", "at index 1 is missing"),
      one<counts_batches_wrong>("counts_batches_wrong", "small batches are acknowledged too far",
                                200, "three replicas under simulated faults",
                                "knows this replica to have held"),
      one<endless_lease>("endless_lease", "a lease never ends", 200,
                         "three replicas under simulated faults", "not linearizable"),
      one<short_lengths>("short_lengths", "commands have lengths of sixteen bits", 80,
                         "commands of up to a mebibyte under simulated faults",
                         "and something else on replica"),
      one<half_is_a_majority>("half_is_a_majority", "half of an even group is a majority", 80,
                              "groups of other sizes under simulated faults",
                              "knows this replica to have held"),
      one<tires_of_asking>("tires_of_asking", "reads are local after a thousand entries", 100,
                           "a crowd of clients under simulated faults", "not linearizable"),
  };
}

} // namespace broken_protocols
