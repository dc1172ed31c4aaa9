#include "flawed_raft.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace raft = atl::raft;

using flawed = flawed_raft;

struct vote_not_durable : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    if (auto* sync = std::get_if<persist>(&it))
      std::erase_if(sync->ops, [this](auto& op) {
        return std::holds_alternative<set_meta>(op) && std::exchange(written_, true);
      });
  }
  bool written_ = false; ///< the first write is kept: its loss would be noticed
};

struct answer_before_durable : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    if (auto* sent = std::get_if<send>(&it))
      sent->after = 0;
  }
  void drain(std::vector<effect>& out) override {
    flawed::drain(out);
    for (auto& it : out)
      if (auto* sync = std::get_if<persist>(&it))
        claimed_ = sync->token;
    // A write that was only submitted counts as durable, so the response is sent at once.
    if (auto token = std::exchange(claimed_, 0)) {
      inner().on_durable(token);
      flawed::drain(out);
    }
  }
  persist_token claimed_ = 0;
};

struct stale_reads : flawed {
  using flawed::flawed;
  void read(request_id id, read_level) override { inner().read(id, read_level::local); }
};

/// Treats entries as committed as soon as they are sent.
struct committed_too_early : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    in_message<raft::append_request>(
        it, [](auto& append, auto&) { append.commit = append.previous + append.entries.size(); });
  }
};

struct grants_every_vote : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    in_message<raft::vote_response>(it, [](auto& answer, auto&) { answer.granted = true; });
  }
};

/// Acknowledges every append, whether or not it fits the log.
struct acknowledges_blindly : flawed {
  using flawed::flawed;
  void step(replica_id from, std::string_view bytes) override {
    if (auto message = raft::decode(bytes))
      if (auto* append = std::get_if<raft::append_request>(&message->body))
        last_ = append->previous + append->entries.size();
    flawed::step(from, bytes);
  }
  void alter_effect(effect& it) override {
    in_message<raft::append_response>(it, [this](auto& answer, auto&) {
      answer.fits = true;
      answer.match = last_;
    });
  }
  log_index last_ = 0;
};

struct forgets_on_restart : flawed {
  using flawed::flawed;
  void start(stable_state stable, log_index applied, timestamp now) override {
    std::erase_if(stable.records, [applied](auto& it) { return it.index > applied; });
    flawed::start(std::move(stable), applied, now);
  }
};

struct treats_corrupt_as_missing : flawed {
  using flawed::flawed;
  void start(stable_state stable, log_index applied, timestamp now) override {
    auto damaged = std::ranges::find(stable.records, record_state::corrupt, &stable_record::state);
    if (damaged != stable.records.end()) {
      stable.records.erase(damaged, stable.records.end());
      applied = std::min(applied, last_of(stable));
    }
    flawed::start(std::move(stable), applied, now);
  }
  static log_index last_of(const stable_state& stable) {
    return stable.records.empty() ? 0 : stable.records.back().index;
  }
};

struct proposes_twice : flawed {
  using flawed::flawed;
  void propose(request_id id, std::string command) override {
    inner().propose(0, command);
    inner().propose(id, std::move(command));
  }
  void alter_effect(effect& it) override {
    if (auto* no = std::get_if<refuse>(&it); no && no->id == 0)
      it = validate{0, {}}; // the refusal of the copy has no receiver
  }
};

/// Reports "surely not proposed" of entries that may still commit: a client's retry applies twice.
struct refuses_possibly_proposed : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    if (auto* no = std::get_if<refuse>(&it))
      no->why = refusal::not_proposed;
  }
};

struct never_cuts_its_log : flawed {
  using flawed::flawed;
  void on_applied(log_index) override {}
};

struct depends_on_global_state : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    static std::uint64_t calls = 0;
    if (std::holds_alternative<send>(it) && ++calls % 1000 == 0)
      std::get<send>(it).bytes.push_back('x');
  }
};

struct throws_on_malformed_messages : flawed {
  using flawed::flawed;
  void step(replica_id from, std::string_view bytes) override {
    if (!raft::decode(bytes))
      throw std::runtime_error("a message makes no sense");
    flawed::step(from, bytes);
  }
};

struct deadline_always_passed : flawed {
  using flawed::flawed;
  timestamp deadline() const override { return timestamp{0}; }
};

struct never_answers_some : flawed {
  using flawed::flawed;
  void propose(request_id id, std::string command) override {
    if (++asked_ % 7 != 0)
      flawed::propose(id, std::move(command));
  }
  int asked_ = 0;
};

/// Heartbeats wait for the disk, so that a disk stall looks like a crash.
struct heartbeats_behind_the_disk : flawed {
  using flawed::flawed;
  void drain(std::vector<effect>& out) override {
    auto before = out.size();
    flawed::drain(out);
    for (auto i = before; i < out.size(); ++i)
      if (auto* sync = std::get_if<persist>(&out[i]))
        newest_ = sync->token;
    for (auto i = before; i < out.size(); ++i)
      if (auto* sent = std::get_if<send>(&out[i]))
        sent->after = newest_;
  }
  persist_token newest_ = 0;
};

/// Messages wait for every write, including a cut of the log, on which no message depends.
struct heartbeats_behind_a_cut : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    if (auto* sync = std::get_if<persist>(&it)) {
      for (auto& op : sync->ops)
        if (std::holds_alternative<erase_records>(op))
          cut_ = sync->token;
    } else if (auto* sent = std::get_if<send>(&it)) {
      sent->after = std::max(sent->after, cut_);
    }
  }
  persist_token cut_ = 0;
};

} // namespace

std::vector<specimen> of_raft() {
  return {
      specimen_of<vote_not_durable>("vote_not_durable", "term and vote are written only once", 20,
                                    "whoever leads is lost, ten times",
                                    "went back from term 2 to 1"),
      specimen_of<answer_before_durable>(
          "answer_before_durable", "what is handed to the disk is taken for durable", 20,
          "a replica helps to elect, and crashes before that is durable", "both lead in term 2"),
      specimen_of<stale_reads>("stale_reads", "linearizable reads are local ones", 20,
                               "whoever leads is lost, ten times",
                               "increments were answered before"),
      specimen_of<committed_too_early>(
          "committed_too_early", "an entry counts as committed once it is sent", 200,
          "a replica helps to elect, and crashes before that is durable",
          "index 4 is a command on replica 2, and something else"),
      specimen_of<grants_every_vote>("grants_every_vote", "every vote is granted", 20,
                                     "a replica helps to elect, and crashes before that is durable",
                                     "a leader contradicts what was committed"),
      specimen_of<acknowledges_blindly>(
          "acknowledges_blindly", "entries are acknowledged without a look at the log", 20,
          "a replica crashes before each effect", "knows this replica to have held"),
      specimen_of<forgets_on_restart>("forgets_on_restart",
                                      "records that aren't applied are dropped at a start", 20,
                                      "a replica crashes before each effect",
                                      "is nothing on replica 1, and something else on replica 1"),
      specimen_of<treats_corrupt_as_missing>(
          "treats_corrupt_as_missing", "a damaged record and all behind it count as absent", 200,
          "a record of one replica turns unreadable",
          "is nothing on replica 1, and something else on replica 2"),
      specimen_of<proposes_twice>("proposes_twice", "a command is proposed twice", 20,
                                  "a replica crashes before each effect",
                                  "is at index 2 and again at 3"),
      specimen_of<refuses_possibly_proposed>(
          "refuses_possibly_proposed", "what may be committed is refused as surely not", 20,
          "a replica helps to elect, and crashes before that is durable",
          "was refused as not proposed"),
      specimen_of<never_cuts_its_log>("never_cuts_its_log", "the log only grows", 20,
                                      "the log is cut behind what is applied",
                                      "it never cuts its log"),
      specimen_of<depends_on_global_state>("depends_on_global_state",
                                           "a static counter changes what is sent", 20,
                                           "same seed, same run", "two runs of one seed differ"),
      specimen_of<throws_on_malformed_messages>(
          "throws_on_malformed_messages", "a message that makes no sense throws", 20,
          "garbage from the network", "it threw: a message makes no sense"),
      specimen_of<deadline_always_passed>("deadline_always_passed", "its deadline is always over",
                                          20, "a replica crashes before each effect",
                                          "time doesn't pass"),
      specimen_of<never_answers_some>("never_answers_some",
                                      "every seventh proposal is never answered", 20,
                                      "commands are empty, or as large as a mebibyte",
                                      "at once 3 aren't answered within a minute"),
      specimen_of<heartbeats_behind_a_cut>(
          "heartbeats_behind_a_cut", "messages wait for the record of a log cut", 20,
          "disks stall while the log is cut", "on its way to it, and that made an election"),
      specimen_of<heartbeats_behind_the_disk>(
          "heartbeats_behind_the_disk", "all that is sent waits for the disk", 20,
          "disks stall while replicas talk", "made an election, though replicas talked"),
  };
}

} // namespace broken_protocols
