#include "tally_service.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <rapidcheck.h>
#include <set>

/// Random histories of several clients, whose commands are repeated, and of replicas that restart,
/// flush and take snapshots at different times.
using namespace tally;

namespace {

struct step {
  std::uint64_t session = 1; ///< 1 … 4
  bool repeat = false;       ///< the session's last command once more
  bool is_clear = false;
  std::string name;
  std::uint64_t passes_us = 0;
  /// 0: the replica restarts; 1: it flushes; 2: it installs its own snapshot; 3: it begins a flush
  int event = 0;
  std::uint32_t batch = 1;
};

rc::Gen<step> gen_step() {
  return rc::gen::build<step>(
      rc::gen::set(&step::session, rc::gen::inRange<std::uint64_t>(1, 5)),
      rc::gen::set(&step::repeat, rc::gen::map(rc::gen::inRange(0, 3), [](int n) { return !n; })),
      rc::gen::set(&step::is_clear, rc::gen::map(rc::gen::inRange(0, 4), [](int n) { return !n; })),
      rc::gen::set(&step::name, rc::gen::element(std::string{"a"}, std::string{"b"})),
      rc::gen::set(&step::passes_us, rc::gen::weightedOneOf<std::uint64_t>(
                                         {{6, rc::gen::inRange<std::uint64_t>(0, 1000)},
                                          {1, rc::gen::just<std::uint64_t>(3700 * second_us)}})),
      rc::gen::set(&step::event, rc::gen::inRange(0, 40)),
      rc::gen::set(&step::batch, rc::gen::inRange<std::uint32_t>(1, 8)));
}

/// The service as it should be: every command of a session takes effect once.
class model {
 public:
  std::string run(std::uint64_t session, std::uint64_t sequence, const step& it,
                  std::uint64_t now_us) {
    now_us_ = std::max(now_us_, now_us);
    auto known = sessions_.find(session);
    if (known == sessions_.end()) {
      if (sequence > 1)
        return "expired";
      end_two_idle();
      known = sessions_.emplace(session, last{0, {}, 0}).first;
      idle_checks_.insert({now_us_, session});
    }
    auto& [last_sequence, answer, used_us] = known->second;
    if (sequence == last_sequence)
      return answer;
    last_sequence = sequence;
    used_us = now_us_;
    return answer = apply(it);
  }

  std::map<std::string, std::uint64_t> counts;
  std::size_t sessions() const { return sessions_.size(); }

 private:
  struct last {
    std::uint64_t sequence;
    std::string answer;
    std::uint64_t used_us;
  };

  std::string apply(const step& it) {
    if (!it.is_clear)
      return std::to_string(++counts[it.name]);
    return counts.erase(it.name) > 0 ? "cleared" : "not found";
  }

  /// Looks at the two sessions whose turn it is.
  void end_two_idle() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> first;
    for (auto& it : idle_checks_)
      if (first.size() < 2)
        first.push_back(it);
    for (auto& [at_us, session] : first) {
      if (now_us_ - at_us <= 3600 * second_us)
        break;
      idle_checks_.erase({at_us, session});
      auto used_us = sessions_.at(session).used_us;
      if (now_us_ - used_us > 3600 * second_us)
        sessions_.erase(session);
      else
        idle_checks_.insert({used_us, session});
    }
  }

  std::uint64_t now_us_ = 0;
  std::map<std::uint64_t, last> sessions_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> idle_checks_;
};

std::string text_of(const std::string& bytes) {
  auto answer = decode_answer(bytes);
  if (answer)
    return *answer;
  return is_session_expired(answer.error()) ? "expired" : "not found";
}

/// A client's side of a session.
struct client {
  std::uint64_t sequence = 0;
  std::string last_bytes;
  step last_step;
};

} // namespace

TEST_CASE("in any history each command is applied once, whatever is repeated, and replicas agree "
          "whatever happens to each") {
  CHECK(rc::check([] {
    auto steps = *rc::gen::container<std::vector<step>>(gen_step());
    temporary_folder folder;
    auto state = open(folder / "state");
    model expected;
    std::map<std::uint64_t, client> clients;
    std::vector<std::string> entries, answers;
    auto now_us = noon_us;
    int copies = 0;
    std::function<status()> write; // of a flush that has begun
    auto end_flush = [&] {
      if (!write)
        return;
      RC_ASSERT(state->end_flush(write()).has_value());
      write = nullptr;
    };
    for (auto& it : steps) {
      now_us += it.passes_us;
      auto& client = clients[it.session];
      auto repeats = it.repeat && client.sequence > 0;
      if (!repeats) {
        ++client.sequence;
        client.last_step = it;
        client.last_bytes =
            entry_of(it.session, client.sequence, it.is_clear ? clear : add, it.name, now_us);
      } else {
        stamp_command(client.last_bytes, now_us);
      }
      entries.push_back(client.last_bytes);
      answers.push_back(apply_bytes(*state, client.last_bytes));
      auto wanted = expected.run(it.session, client.sequence, client.last_step, now_us);
      RC_ASSERT(text_of(answers.back()) == wanted);
      if (wanted == "expired") // a real client goes on under another session
        client.sequence = 0;
      if (it.event == 0) {
        if (write && it.repeat) // otherwise it ends with a flush that didn't come to its end
          RC_ASSERT(write().has_value());
        write = nullptr;
        state.reset();
        state = open(folder / "state");
      } else if (it.event == 1) {
        end_flush();
        RC_ASSERT(state->flush().has_value());
      } else if (it.event == 3) {
        end_flush();
        write = state->begin_flush();
        RC_ASSERT(write != nullptr);
      } else if (it.event == 2) {
        end_flush();
        auto copy = folder / ("copy " + std::to_string(copies++));
        RC_ASSERT(state->save(copy).has_value());
        RC_ASSERT(state->check_saved(copy).has_value());
        RC_ASSERT(state->load(copy).has_value());
      }
    }
    end_flush();
    std::uint64_t sum = 0;
    for (auto* name : {"a", "b"}) {
      auto count = expected.counts.contains(name) ? expected.counts[name] : 0;
      RC_ASSERT(number(ask(*state, name)) == count);
      sum += count;
    }
    RC_ASSERT(number(ask(*state, "sum")) == sum);
    RC_ASSERT(number(ask(*state, "sessions")) == expected.sessions());

    auto other = open(folder / "in batches");
    std::size_t next = 0;
    for (std::size_t turn = 0; next < entries.size(); ++turn) {
      std::vector<spi::committed_entry> batch;
      for (; batch.size() < steps[turn].batch && next < entries.size(); ++next)
        batch.push_back({next + 1, 0, false, entries[next]});
      auto got = other->apply(batch);
      RC_ASSERT(got.has_value());
      for (std::size_t i = 0; i < got->size(); ++i)
        RC_ASSERT((*got)[i] == answers[batch[i].index - 1]);
    }
    RC_ASSERT(*other->digest() == *state->digest());
  }));
}
