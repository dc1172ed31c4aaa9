#include "flawed_raft.hpp"
#include "scenario_mutants.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>

/// Mistakes in elections and in the log.
namespace broken_protocols {

namespace {

using namespace atl::spi;
namespace raft = atl::raft;
using flawed = flawed_raft;

/// Commits entries of older terms by counting replicas.
struct commits_older_terms : flawed {
  using flawed::flawed;
  void step(replica_id from, std::string_view bytes) override {
    if (auto answer = received<raft::append_response>(bytes); answer && answer->fits && leads()) {
      if (std::exchange(term_, inner().status().term) != inner().status().term)
        match_.clear();
      match_[from] = std::max(match_[from], answer->match);
    }
    flawed::step(from, bytes);
  }
  void alter_effect(effect& it) override {
    in_message<raft::append_request>(it, [this](auto& append, auto&) {
      if (inner().status().term == term_)
        append.commit = std::max(append.commit, on_a_majority());
    });
  }
  virtual log_index on_a_majority() { return on_as_many_as(voters_.size() / 2 + 1); }
  log_index on_half() { return on_as_many_as((voters_.size() + 1) / 2); }
  log_index on_as_many_as(std::size_t replicas) {
    std::vector<log_index> held;
    for (auto id : voters_)
      held.push_back(id == self() ? inner().status().accepted : match_[id]);
    std::sort(held.begin(), held.end(), std::greater<>{});
    return held[replicas - 1];
  }
  std::uint64_t term_ = 0;
  std::map<replica_id, log_index> match_;
};

/// The same, with an assertion in place of the effect `fatal`.
struct asserts_too_late : commits_older_terms {
  using commits_older_terms::commits_older_terms;
  void alter_effect(effect& it) override {
    if (std::holds_alternative<fatal>(it))
      throw std::logic_error("assertion failed");
    commits_older_terms::alter_effect(it);
  }
};

/// A vote is sent before it is durable.
struct votes_early : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    in_message<raft::vote_response>(it, [](auto&, auto& sent) { sent.after = 0; });
  }
};

/// Acknowledges entries before they are durable.
struct acknowledges_early : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    in_message<raft::append_response>(it, [](auto& answer, auto& sent) {
      answer.match = std::max(answer.match, answer.fits ? answer.acknowledged : 0);
      sent.after = 0;
    });
  }
};

/// Keeps what it learnt of its peers as leader, and uses it when it leads again.
class keeps_progress_of_earlier_term : public flawed {
 public:
  using flawed::flawed;
  void step(replica_id from, std::string_view bytes) override {
    if (auto answer = received<raft::append_response>(bytes); answer && answer->fits && leads())
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
  virtual void remember(replica_id from, const raft::append_response& answer) = 0;
  std::map<replica_id, raft::append_response> fresh_;

 private:
  std::map<replica_id, raft::append_response> old_;
  std::uint64_t term_ = 0;
};

struct stale_acknowledgements : keeps_progress_of_earlier_term {
  using keeps_progress_of_earlier_term::keeps_progress_of_earlier_term;
  void remember(replica_id from, const raft::append_response& answer) override {
    auto& kept = fresh_[from];
    kept.fits = true;
    kept.match = std::max(kept.match, answer.match);
  }
};

struct stale_read_rounds : keeps_progress_of_earlier_term {
  using keeps_progress_of_earlier_term::keeps_progress_of_earlier_term;
  void remember(replica_id from, const raft::append_response& answer) override {
    auto& kept = fresh_[from];
    kept.fits = true;
    kept.round = std::max(kept.round, answer.round);
  }
};

/// Proposes its uncommitted commands again when it leads again.
struct reproposes_uncommitted : flawed {
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
      else if (auto* no = std::get_if<refuse>(&out[i]); no && no->why != refusal::unknown)
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

/// Half of an even group counts as a majority, of votes and of acknowledgements.
struct half_is_a_majority : commits_older_terms {
  using commits_older_terms::commits_older_terms;
  void step(replica_id from, std::string_view bytes) override {
    commits_older_terms::step(from, bytes);
    auto answer = received<raft::vote_response>(bytes);
    if (!answer || !answer->granted || voters_.size() % 2 != 0)
      return;
    for (auto id : voters_) // one vote more than replicas voted
      if (id != from && id != self())
        return commits_older_terms::step(id, bytes);
  }
  void drain(std::vector<effect>& out) override {
    auto now = inner().status();
    if (std::exchange(led_, now.role == replica_role::leader ? now.term : 0) != led_)
      began_ = now.accepted;
    commits_older_terms::drain(out);
  }
  log_index on_a_majority() override {
    auto held = on_half();
    return held > began_ ? held : 0;
  }
  std::uint64_t led_ = 0;
  log_index began_ = 0; ///< entries of its own term have higher indexes
};

} // namespace

std::vector<scenario_mutant> raft_mutants() {
  return {
      scenario_mutant_of<commits_older_terms>("commits_older_terms",
                                              "replicas are counted for older terms",
                                              "older_terms_replaced", "index"),
      scenario_mutant_of<asserts_too_late>(
          "asserts_too_late", "an assertion fires before the harm is seen", "older_terms_replaced",
          "and something else on replica 3; besides, replica 3 stopped itself: "
          "threw: assertion failed"),
      scenario_mutant_of<votes_early>("votes_early", "a vote leaves before it is durable",
                                      "promise_not_yet_durable", "both lead in term"),
      scenario_mutant_of<acknowledges_early>("acknowledges_early",
                                             "entries are acknowledged before durable",
                                             "write_not_yet_durable", "index"),
      scenario_mutant_of<stale_acknowledgements>(
          "stale_acknowledgements", "acknowledgements count in later terms of the same leader",
          "third_leadership", "and something else on replica"),
      scenario_mutant_of<stale_read_rounds>(
          "stale_read_rounds", "answers to heartbeats count in later terms of the same leader",
          "third_leadership", "were answered before the read began"),
      scenario_mutant_of<reproposes_uncommitted>(
          "reproposes_uncommitted", "proposals of an earlier leadership are made again",
          "third_leadership", "and again at"),
      scenario_mutant_of<half_is_a_majority>("half_is_a_majority",
                                             "half of an even group counts as a majority",
                                             "split_in_halves", "index", {.replicas = 4}),
  };
}

} // namespace broken_protocols
