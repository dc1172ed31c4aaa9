#include "flawed_raft.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

/// Raft with mistakes that no group of three shows with default options.
namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace raft = atl::raft;

using flawed = flawed_raft;

/// Cuts one entry more than the state machine has flushed; kept entries hide that.
struct cuts_one_too_many : flawed {
  using flawed::flawed;
  void on_applied(log_index index) override { flawed::on_applied(index + 1); }
};

/// The terms and members of a snapshot are not made durable with it.
struct forgets_the_snapshot : flawed {
  using flawed::flawed;
  void on_installed(log_index index) override {
    installed_ = true;
    flawed::on_installed(index);
  }
  void alter_effect(effect& it) override {
    if (auto* sync = std::get_if<persist>(&it); sync && std::exchange(installed_, false))
      std::erase_if(sync->ops, [](auto& op) { return std::holds_alternative<set_meta>(op); });
  }
  bool installed_ = false;
};

/// With batches of one entry the acknowledgement is off by one.
struct counts_batches_wrong : flawed {
  explicit counts_batches_wrong(const consensus_setup& setup)
      : flawed{setup}, small_{setup.options.integer("batch_bytes") < 4096} {}
  void alter_effect(effect& it) override {
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

/// With leases on, a leader's lease lasts as long as it believes that it leads.
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
  void alter_effect(effect& it) override {
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

/// In a group of an even size one half counts as a majority.
struct half_is_a_majority : flawed {
  using flawed::flawed;
  void step(replica_id from, std::string_view bytes) override {
    flawed::step(from, bytes);
    auto at = std::ranges::find(voters_, from);
    if (voters_.size() % 2 != 0 || at == voters_.end())
      return;
    auto other = *at % voters_.size() + 1;
    if (other == self())
      other = other % voters_.size() + 1;
    auto message = raft::decode(bytes);
    if (message && (std::holds_alternative<raft::append_response>(message->body) ||
                    std::holds_alternative<raft::vote_response>(message->body)))
      flawed::step(static_cast<replica_id>(other), bytes);
  }
};

/// After many entries the leader reads without asking its peers.
struct reads_locally_after_many_entries : flawed {
  using flawed::flawed;
  void read(request_id id, read_level level) override {
    flawed::read(id, inner().status().committed > 1'200 ? read_level::local : level);
  }
};

} // namespace

std::vector<specimen> in_corners() {
  return {
      specimen_of<cuts_one_too_many>("cuts_one_too_many", "the log is cut beyond what is durable",
                                     200, "three replicas under simulated faults",
                                     "they don't belong together"),
      specimen_of<forgets_the_snapshot>("forgets_the_snapshot", "a snapshot's terms aren't durable",
                                        200, "three replicas under simulated faults",
                                        "at index 1 is missing"),
      specimen_of<counts_batches_wrong>(
          "counts_batches_wrong", "small batches are acknowledged too far", 200,
          "three replicas under simulated faults", "knows this replica to have held"),
      specimen_of<endless_lease>("endless_lease", "a lease never ends", 200,
                                 "three replicas under simulated faults", "not linearizable"),
      specimen_of<short_lengths>("short_lengths", "commands have lengths of sixteen bits", 80,
                                 "commands of up to a mebibyte under simulated faults",
                                 "and something else on replica"),
      specimen_of<half_is_a_majority>("half_is_a_majority", "half of an even group is a majority",
                                      80, "groups of other sizes under simulated faults",
                                      "knows this replica to have held"),
      specimen_of<reads_locally_after_many_entries>(
          "reads_locally_after_many_entries", "reads are local after a thousand entries", 100,
          "a crowd of clients under simulated faults", "not linearizable"),
  };
}

} // namespace broken_protocols
