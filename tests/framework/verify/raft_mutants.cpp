#include "plugins/consensus/mutant.hpp"
#include "raft/wire.hpp"
#include "scenario_mutants.hpp"

#include <algorithm>
#include <ctime>
#include <deque>
#include <functional>
#include <map>
#include <unistd.h>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);

namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace raft = atl::raft;

const descriptor& right() {
  return ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
}

class flawed : public under_test::mutant {
 public:
  explicit flawed(const consensus_setup& setup)
      : mutant{std::unique_ptr<consensus>{right().create_consensus(setup)}, setup},
        voters_{setup.voters} {}

 protected:
  /// Changes a message of one kind that is sent.
  template <class Message, class Change>
  static void in_message(effect& it, Change change) {
    auto* sent = std::get_if<send>(&it);
    auto message = sent ? raft::decode(sent->bytes) : std::nullopt;
    if (!message)
      return;
    if (auto* body = std::get_if<Message>(&message->body)) {
      change(*body, *sent);
      sent->bytes = raft::encode(message->term, message->body);
    }
  }
  template <class Message>
  static std::optional<Message> received(std::string_view bytes) {
    auto message = raft::decode(bytes);
    auto* body = message ? std::get_if<Message>(&message->body) : nullptr;
    return body ? std::optional{*body} : std::nullopt;
  }
  bool leads() { return inner().status().role == replica_role::leader; }

  std::vector<replica_id> voters_;
};

/// Counts replicas for entries of older terms, and tells followers to apply them.
struct commits_older_terms : flawed {
  using flawed::flawed;
  void step(replica_id from, std::string_view bytes) override {
    if (auto answer = received<raft::append_answer>(bytes); answer && answer->fits && leads()) {
      if (std::exchange(term_, inner().status().term) != inner().status().term)
        match_.clear();
      match_[from] = std::max(match_[from], answer->match);
    }
    flawed::step(from, bytes);
  }
  void spoil(effect& it) override {
    in_message<raft::append_request>(it, [this](auto& append, auto&) {
      if (inner().status().term == term_)
        append.commit = std::max(append.commit, on_a_majority());
    });
  }
  virtual log_position on_a_majority() { return on_as_many_as(voters_.size() / 2 + 1); }
  log_position on_half() { return on_as_many_as((voters_.size() + 1) / 2); }
  log_position on_as_many_as(std::size_t replicas) {
    std::vector<log_position> held;
    for (auto id : voters_)
      held.push_back(id == self() ? inner().status().accepted : match_[id]);
    std::sort(held.begin(), held.end(), std::greater<>{});
    return held[replicas - 1];
  }
  std::uint64_t term_ = 0;
  std::map<replica_id, log_position> match_;
};

/// A vote leaves before it is on the disk.
struct votes_early : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
    in_message<raft::vote_answer>(it, [](auto&, auto& sent) { sent.after = 0; });
  }
};

/// Acknowledges what it holds, durable or not.
struct acknowledges_early : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
    in_message<raft::append_answer>(it, [](auto& answer, auto& sent) {
      answer.match = std::max(answer.match, answer.fits ? answer.held : 0);
      sent.after = 0;
    });
  }
};

/// What a leader learnt of the others, it believes when it leads again.
class leads_with_leftovers : public flawed {
 public:
  using flawed::flawed;
  void step(replica_id from, std::string_view bytes) override {
    if (auto answer = received<raft::append_answer>(bytes); answer && answer->fits && leads())
      remember(from, *answer);
    flawed::step(from, bytes);
  }
  void drain(std::vector<effect>& out) override {
    flawed::drain(out);
    auto now = inner().status();
    if (now.role != replica_role::leader)
      return;
    if (std::exchange(term_, now.term) != now.term)
      old_ = fresh_;
    for (auto& [from, answer] : old_) {
      auto again = answer;
      again.match = std::min(again.match, now.accepted);
      inner().step(from, raft::encode(now.term, again));
    }
    if (!old_.empty())
      flawed::drain(out);
  }

 protected:
  virtual void remember(replica_id from, const raft::append_answer& answer) = 0;
  std::map<replica_id, raft::append_answer> fresh_;

 private:
  std::map<replica_id, raft::append_answer> old_;
  std::uint64_t term_ = 0;
};

struct stale_acknowledgements : leads_with_leftovers {
  using leads_with_leftovers::leads_with_leftovers;
  void remember(replica_id from, const raft::append_answer& answer) override {
    auto& kept = fresh_[from];
    kept.fits = true;
    kept.match = std::max(kept.match, answer.match);
  }
};

struct stale_read_rounds : leads_with_leftovers {
  using leads_with_leftovers::leads_with_leftovers;
  void remember(replica_id from, const raft::append_answer& answer) override {
    auto& kept = fresh_[from];
    kept.fits = true;
    kept.round = std::max(kept.round, answer.round);
  }
};

/// What it could not get decided it proposes once more when it leads again.
struct leftover_proposals : flawed {
  using flawed::flawed;
  void propose(request_id id, std::string command) override {
    open_[id] = command;
    flawed::propose(id, std::move(command));
  }
  void drain(std::vector<effect>& out) override {
    auto before = out.size();
    flawed::drain(out);
    for (auto i = before; i < out.size(); ++i)
      if (auto* applied = std::get_if<apply>(&out[i]))
        for (auto& entry : applied->entries)
          open_.erase(entry.id);
      else if (auto* no = std::get_if<refuse>(&out[i]); no && no->why == refusal::not_proposed)
        open_.erase(no->id);
    auto led = std::exchange(led_, leads());
    if (!led_ || led)
      return;
    for (auto& [id, command] : std::exchange(open_, {}))
      inner().propose(0, command);
    flawed::drain(out);
  }
  std::map<request_id, std::string> open_;
  bool led_ = false;
};

struct ignores_transfers : flawed {
  using flawed::flawed;
  void transfer(replica_id) override {}
};

/// Once it was told to hand over it takes no proposals until another one leads, come what may.
struct waits_for_its_heir : flawed {
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

/// A lease that lasts longer than what voters promise.
struct lease_too_long : flawed {
  explicit lease_too_long(const consensus_setup& setup)
      : flawed{setup}, lease_{setup.options.boolean("lease")} {}
  void advance(timestamp now) override {
    now_ = now;
    flawed::advance(now);
  }
  void step(replica_id from, std::string_view bytes) override {
    if (received<raft::append_answer>(bytes) && leads())
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

/// A leader that nobody hears goes on answering from what it knows.
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

struct empty_commands_are_nothing : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
    if (auto* applied = std::get_if<apply>(&it))
      for (auto& entry : applied->entries)
        entry.no_op = entry.command.empty();
  }
};

struct long_commands_are_cut : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
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

/// Its timers depend on something that is no input of a protocol.
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
/// Of the next block of some size: the same each time in one process, as what was freed is reused.
std::uint64_t address() {
  auto block = std::make_unique<char[]>(200);
  return reinterpret_cast<std::uintptr_t>(block.get()) >> 4;
}

/// Knows replicas by the low bits of their ids.
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

/// Half of an even group counts as a majority, of votes and of acknowledgements.
struct half_is_a_majority : commits_older_terms {
  using commits_older_terms::commits_older_terms;
  void step(replica_id from, std::string_view bytes) override {
    commits_older_terms::step(from, bytes);
    auto answer = received<raft::vote_answer>(bytes);
    if (!answer || !answer->granted || voters_.size() % 2 != 0)
      return;
    for (auto id : voters_) // one more vote than there are
      if (id != from && id != self())
        return commits_older_terms::step(id, bytes);
  }
  void drain(std::vector<effect>& out) override {
    auto now = inner().status();
    if (std::exchange(led_, now.role == replica_role::leader ? now.term : 0) != led_)
      began_ = now.accepted;
    commits_older_terms::drain(out);
  }
  log_position on_a_majority() override {
    auto held = on_half();
    return held > began_ ? held : 0;
  }
  std::uint64_t led_ = 0;
  log_position began_ = 0; ///< entries of its own term come behind
};

template <class Flawed>
scenario_mutant one(std::string_view name, std::string_view mistake, std::string_view scenario,
                    std::string_view detail, const atl::verify::scenario_choice& choice = {},
                    const under_test::overrides& options = {}) {
  return {name, mistake, like<Flawed>(right()), scenario, detail, choice, options};
}

} // namespace

std::vector<scenario_mutant> raft_mutants() {
  return {
      one<commits_older_terms>("commits_older_terms", "replicas are counted for older terms",
                               "older_terms_replaced", "position"),
      one<votes_early>("votes_early", "a vote leaves before it is durable",
                       "promise_not_yet_durable", "both lead in term"),
      one<acknowledges_early>("acknowledges_early", "entries are acknowledged before durable",
                              "write_not_yet_durable", "position"),
      one<stale_acknowledgements>("stale_acknowledgements",
                                  "acknowledgements count in later terms of the same leader",
                                  "third_leadership", "and something else on replica"),
      one<stale_read_rounds>("stale_read_rounds",
                             "answers to heartbeats count in later terms of the same leader",
                             "third_leadership", "were answered before the read began"),
      one<leftover_proposals>("leftover_proposals",
                              "proposals of an earlier leadership are made again",
                              "third_leadership", "and again at"),
      one<ignores_transfers>("ignores_transfers", "leadership is never handed over",
                             "leadership_transferred", "was told to hand over to replica"),
      one<waits_for_its_heir>("waits_for_its_heir",
                              "a leader told to hand over takes no proposals any more",
                              "heir_fails", "for 20 s no write was answered"),
      one<leader_reads_alone>("leader_reads_alone", "a leader reads without asking a majority",
                              "each_cut_off", "were answered before the read began"),
      one<lease_too_long>("lease_too_long", "a lease outlasts what voters promise", "each_cut_off",
                          "were answered before the read began", {}, {{"lease", "true"}}),
      one<half_is_a_majority>("half_is_a_majority", "half of an even group counts as a majority",
                              "split_in_halves", "position", {.replicas = 4}),
      one<short_ids<8>>("ids_of_8_bits", "replicas are known by 8 bits of their ids",
                        "leader_lost_ten_times", "a write for a minute",
                        {.ids = {2'147'483'649, 257, 513, 4, 5}}),
      one<short_ids<24>>("ids_of_24_bits", "replicas are known by 24 bits of their ids",
                         "leader_lost_ten_times", "answered for a minute",
                         {.ids = {2'147'483'649, 16'777'217, 257, 4, 5}}),
      one<keeps_each_read>("keeps_each_read", "each read leaves something behind", "memory_stays",
                           "100000 reads made"),
      one<keeps_each_command>("keeps_each_command", "each command leaves something behind",
                              "memory_stays", "60000 writes made"),
      one<depends_on<process_id>>("depends_on_the_process", "a timer looks at the process id",
                                  "same_run_elsewhere", "otherwise in another process"),
      one<depends_on<seconds>>("depends_on_the_clock", "a timer looks at the wall clock",
                               "same_run_elsewhere", "otherwise in another process"),
      one<depends_on<address>>("depends_on_an_address", "a timer looks at an address",
                               "same_run_elsewhere", "otherwise in another process"),
      one<local_reads_ask_the_leader>("local_reads_ask_the_leader",
                                      "local reads are linearizable ones", "each_cut_off",
                                      "doesn't answer a local read"),
      one<empty_commands_are_nothing>("empty_commands_are_nothing",
                                      "an empty command counts as none", "command_sizes",
                                      "applies nothing at position"),
      one<long_commands_are_cut>("long_commands_are_cut", "a length is kept in 16 bits",
                                 "command_sizes", "applies 65535 bytes at position"),
  };
}

} // namespace broken_protocols
