#include "flawed_raft.hpp"
#include "scenario_mutants.hpp"

#include <algorithm>
#include <ctime>
#include <deque>
#include <stdexcept>
#include <unistd.h>

/// Mistakes in the handling of a host's requests (transfers, reads, commands), and inputs that a
/// protocol must not use.
namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace raft = atl::raft;
using flawed = flawed_raft;

struct ignores_transfers : flawed {
  using flawed::flawed;
  void transfer(replica_id) override {}
};

/// After a request for a transfer it refuses all proposals until another replica leads.
struct refuses_until_successor_leads : flawed {
  using flawed::flawed;
  void transfer(replica_id to) override {
    waits_ = leads();
    flawed::transfer(to);
  }
  void propose(request_id id, std::string command) override {
    waits_ = waits_ && leads();
    if (!waits_)
      return flawed::propose(id, std::move(command));
    refused_.push_back({id, refusal::not_proposed, 0, "another one is about to lead"});
  }
  void drain(std::vector<effect>& out) override {
    flawed::drain(out);
    for (auto& it : std::exchange(refused_, {}))
      out.push_back(std::move(it));
  }
  bool waits_ = false;
  std::vector<refuse> refused_;
};

/// A lease that lasts longer than the voters' promises.
struct lease_too_long : flawed {
  explicit lease_too_long(const consensus_setup& setup)
      : flawed{setup}, lease_{setup.options.boolean("lease")} {}
  void advance(timestamp now) override {
    now_ = now;
    flawed::advance(now);
  }
  void step(replica_id from, std::string_view bytes) override {
    if (received<raft::append_response>(bytes) && leads())
      heard_ = now_;
    flawed::step(from, bytes);
  }
  void read(request_id id, read_level level) override {
    auto trusts = lease_ && leads() && now_ - heard_ < std::chrono::seconds{3};
    flawed::read(id, trusts ? read_level::local : level);
  }
  bool lease_;
  timestamp now_{0};
  timestamp heard_{0};
};

/// A lease that ignores the drift of clocks.
struct lease_ignores_drift : flawed {
  explicit lease_ignores_drift(const consensus_setup& setup)
      : lease_ignores_drift{setup, without_drift(setup.options)} {}

 private:
  lease_ignores_drift(const consensus_setup& setup, const atl::spi::options& changed)
      : flawed{{changed, setup.self, setup.voters, setup.seed, setup.incarnation}} {}
  static atl::spi::options without_drift(const atl::spi::options& given) {
    auto values = given.values();
    values["clock_drift"] = std::int64_t{0};
    return atl::spi::options{std::move(values)};
  }
};

/// A leader that reaches no peer still answers reads from its own state.
struct leader_reads_alone : flawed {
  using flawed::flawed;
  void read(request_id id, read_level level) override {
    flawed::read(id, leads() ? read_level::local : level);
  }
};

struct local_reads_ask_the_leader : flawed {
  using flawed::flawed;
  void read(request_id id, read_level) override { flawed::read(id, read_level::linearizable); }
};

/// Reads are stale, and an assertion fails later.
struct throws_after_stale_reads : flawed {
  using flawed::flawed;
  void read(request_id id, read_level) override {
    if (++reads_ > 200)
      throw std::logic_error("assertion failed");
    flawed::read(id, read_level::local);
  }
  int reads_ = 0;
};

struct drops_empty_commands : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    if (auto* applied = std::get_if<apply>(&it))
      for (auto& entry : applied->entries)
        entry.no_op = entry.command.empty();
  }
};

struct truncates_long_commands : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    if (auto* applied = std::get_if<apply>(&it))
      for (auto& entry : applied->entries)
        entry.command.resize(std::min<std::size_t>(entry.command.size(), 65'535));
  }
};

struct keeps_each_read : flawed {
  using flawed::flawed;
  void read(request_id id, read_level level) override {
    kept_.push_back(std::make_unique<request_id>(id));
    flawed::read(id, level);
  }
  std::deque<std::unique_ptr<request_id>> kept_;
};

struct keeps_each_command : flawed {
  using flawed::flawed;
  void propose(request_id id, std::string command) override {
    kept_.push_back(command);
    flawed::propose(id, std::move(command));
  }
  std::deque<std::string> kept_;
};

/// Its timers depend on something that is not an input of the protocol.
template <std::uint64_t (*Input)()>
struct depends_on : flawed {
  using flawed::flawed;
  timestamp deadline() const override {
    auto more = std::chrono::microseconds{Input() % 1000};
    return std::min(flawed::deadline(), timestamp::max() - more) + more;
  }
};

std::uint64_t process_id() {
  return static_cast<std::uint64_t>(::getpid());
}
std::uint64_t seconds() {
  return static_cast<std::uint64_t>(std::time(nullptr));
}
/// The address of a new block, which is the same each time in one process, as freed blocks are
/// reused.
std::uint64_t address() {
  auto block = std::make_unique<char[]>(200);
  return reinterpret_cast<std::uintptr_t>(block.get()) >> 4;
}

/// A change to the present members is refused.
struct refuses_members_in_force : flawed {
  using flawed::flawed;
  void reconfigure(request_id id, std::vector<replica_id> voters,
                   std::vector<replica_id> learners) override {
    if (voters == members_.voters && learners == members_.learners && leads())
      refused_.push_back({id, refusal::not_proposed, 0, "nothing would change"});
    else
      flawed::reconfigure(id, std::move(voters), std::move(learners));
  }
  void drain(std::vector<effect>& out) override {
    flawed::drain(out);
    for (auto& it : std::exchange(refused_, {}))
      out.emplace_back(std::move(it));
  }
  void alter_effect(effect& it) override {
    if (auto* changed = std::get_if<members_changed>(&it))
      members_ = *changed;
  }
  members_changed members_;
  std::vector<refuse> refused_;
};

/// Identifies replicas by the low bits of their ids.
template <unsigned Bits>
struct short_ids : flawed {
  using flawed::flawed;
  void step(replica_id from, std::string_view bytes) override {
    auto low = [](replica_id id) { return id & ((replica_id{1} << Bits) - 1); };
    auto found =
        std::find_if(voters_.begin(), voters_.end(), [&](auto id) { return low(id) == low(from); });
    flawed::step(found == voters_.end() ? from : *found, bytes);
  }
};

} // namespace

atl::spi::descriptor reads_stale_and_throws() {
  return like<throws_after_stale_reads>(flawed::correct());
}

std::vector<scenario_mutant> raft_host_mutants() {
  return {
      scenario_mutant_of<refuses_members_in_force>(
          "refuses_members_in_force", "a change to the members that are in force is an error",
          "members_come_and_go", "a change to the voters 1,2,4 was never answered"),
      scenario_mutant_of<ignores_transfers>("ignores_transfers", "leadership is never handed over",
                                            "leadership_transferred",
                                            "was told to hand over to replica"),
      scenario_mutant_of<refuses_until_successor_leads>(
          "refuses_until_successor_leads", "a leader told to hand over takes no proposals any more",
          "heir_fails", "for 20 s no write was answered"),
      scenario_mutant_of<leader_reads_alone>("leader_reads_alone",
                                             "a leader reads without asking a majority",
                                             "each_cut_off", "were answered before the read began"),
      scenario_mutant_of<lease_too_long>("lease_too_long", "a lease outlasts what voters promise",
                                         "each_cut_off", "were answered before the read began", {},
                                         {{"lease", "true"}}),
      scenario_mutant_of<lease_ignores_drift>(
          "lease_ignores_drift", "a lease ignores that clocks drift", "slow_leader_cut_off",
          "were answered before the read began", {}, {{"lease", "true"}}),
      scenario_mutant_of<short_ids<8>>("ids_of_8_bits", "replicas are known by 8 bits of their ids",
                                       "leader_lost_ten_times", "a write for a minute",
                                       {.ids = {2'147'483'649, 257, 513, 4, 5}}),
      scenario_mutant_of<short_ids<24>>(
          "ids_of_24_bits", "replicas are known by 24 bits of their ids", "leader_lost_ten_times",
          "answered for a minute", {.ids = {2'147'483'649, 16'777'217, 257, 4, 5}}),
      scenario_mutant_of<keeps_each_read>("keeps_each_read", "each read leaves something behind",
                                          "memory_stays", "100000 reads made"),
      scenario_mutant_of<keeps_each_command>("keeps_each_command",
                                             "each command leaves something behind", "memory_stays",
                                             "60000 writes made"),
      scenario_mutant_of<depends_on<process_id>>(
          "depends_on_the_process", "a timer looks at the process id", "same_run_elsewhere",
          "otherwise in another process"),
      scenario_mutant_of<depends_on<seconds>>("depends_on_the_clock",
                                              "a timer looks at the wall clock",
                                              "same_run_elsewhere", "otherwise in another process"),
      scenario_mutant_of<depends_on<address>>("depends_on_an_address",
                                              "a timer looks at an address", "same_run_elsewhere",
                                              "otherwise in another process"),
      scenario_mutant_of<local_reads_ask_the_leader>("local_reads_ask_the_leader",
                                                     "local reads are linearizable ones",
                                                     "each_cut_off", "doesn't answer a local read"),
      scenario_mutant_of<drops_empty_commands>("drops_empty_commands",
                                               "an empty command counts as none", "command_sizes",
                                               "applies nothing at index"),
      scenario_mutant_of<truncates_long_commands>("truncates_long_commands",
                                                  "a length is kept in 16 bits", "command_sizes",
                                                  "applies 65535 bytes at index"),
  };
}

} // namespace broken_protocols
