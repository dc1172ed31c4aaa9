#include "expect.hpp"

#include <atoll/spi/consensus.hpp>

#include <algorithm>
#include <map>
#include <memory>

using namespace atl::spi;

extern "C" const descriptor ATOLL_PLUGIN_SYMBOL(consensus, @NAME@, 0, 1, 0);

namespace {

const options defaults{{{"heartbeat", std::int64_t{100'000}},
                        {"failure_timeout", std::int64_t{1'000'000}},
                        {"backlog", std::int64_t{64} << 20}}};

/// Three replicas whose disks take no time and whose network loses nothing, but for a replica that
/// is cut off.
struct group {
  group() {
    for (replica_id id : {1, 2, 3}) {
      replicas[id].reset(ATOLL_PLUGIN_SYMBOL(consensus, @NAME@, 0, 1, 0)
                             .create.consensus({defaults, id, {1, 2, 3}, id, 1}));
      replicas[id]->start({}, 0, now);
    }
    pass(std::chrono::milliseconds{200});
  }

  /// Carries all effects out until there are none.
  void settle() {
    for (bool is_busy = true; is_busy;) {
      is_busy = false;
      for (auto& [id, replica] : replicas) {
        std::vector<effect> effects;
        replica->drain(effects);
        is_busy |= !effects.empty();
        for (auto& each : effects)
          carry_out(id, each);
      }
    }
  }

  void carry_out(replica_id id, const effect& effect) {
    if (auto* persisted = std::get_if<persist>(&effect))
      replicas[id]->on_durable(persisted->token);
    else if (auto* sent = std::get_if<send>(&effect); sent && id != cut_off && sent->to != cut_off)
      replicas[sent->to]->step(id, sent->bytes);
    else if (auto* ready = std::get_if<apply>(&effect))
      std::ranges::transform(ready->entries, std::back_inserter(applied[id]),
                             &committed_entry::command);
    else if (auto* refused = std::get_if<refuse>(&effect))
      hint = refused->hint;
  }

  void pass(timestamp time) {
    for (auto until = now + time; now < until; now += std::chrono::milliseconds{50})
      for (auto& [id, replica] : replicas) {
        replica->advance(now);
        settle();
      }
  }

  timestamp now{0};
  std::map<replica_id, std::unique_ptr<consensus>> replicas;
  std::map<replica_id, std::vector<std::string>> applied;
  replica_id cut_off = 0;
  replica_id hint = 0; ///< of the last refusal
};

void a_command_is_applied_by_every_replica() {
  group group;
  group.replicas[1]->propose(1, "a command");
  group.pass(std::chrono::milliseconds{200});
  for (replica_id id : {1, 2, 3})
    expect(group.applied[id] == std::vector<std::string>{"a command"},
           "each replica applies the command once");
}

void nothing_is_committed_while_a_replica_is_cut_off() {
  group group;
  group.cut_off = 3;
  group.replicas[1]->propose(1, "a command");
  group.pass(std::chrono::seconds{2});
  expect(group.applied[1].empty(), "no command is committed without every replica");
  expect(!group.replicas[1]->status().blocked.empty(), "the leader says what blocks writes");
  group.cut_off = 0;
  group.pass(std::chrono::milliseconds{400});
  expect(group.applied[1].size() == 1 && group.applied[3].size() == 1,
         "the command is committed once the replica is back");
}

void a_follower_names_the_leader() {
  group group;
  group.replicas[2]->propose(1, "a command");
  group.settle();
  expect(group.hint == 1, "a proposal at a follower is refused with the leader as hint");
}

} // namespace

int main() {
  a_command_is_applied_by_every_replica();
  nothing_is_committed_while_a_replica_is_cut_off();
  a_follower_names_the_leader();
  return failures;
}
