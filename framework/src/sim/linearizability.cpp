#include <atoll/sim/linearizability.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <vector>

namespace atl::sim {

namespace {

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

struct fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const fingerprint&, const fingerprint&) = default;
};

struct fingerprint_hash {
  std::size_t operator()(const fingerprint& it) const { return it.low; }
};

/// The start or the end of an operation, in a list that operations are lifted out of.
struct moment {
  std::uint32_t operation = 0;
  std::uint32_t previous = 0;
  std::uint32_t next = 0;
  std::uint32_t end = 0; ///< of a start: its end; 0: it has none
  bool is_end = false;
};

/// What a register answers to `it`, and holds afterwards.
/// @returns false when the register couldn't have answered what was seen.
bool apply(const operation& it, register_value& state) {
  auto seen = it.outcome == operation_outcome::ok;
  switch (it.kind) {
  case operation_kind::read:
    return state == it.result;
  case operation_kind::write:
    state = it.argument;
    return true;
  case operation_kind::cas:
    if (seen && (state == it.expected) != it.matched)
      return false;
    if (state != it.expected)
      return seen; // an unanswered one that doesn't match is as good as never
    state = it.argument;
    return true;
  case operation_kind::add: {
    auto sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(state.value_or(0)) +
                                         static_cast<std::uint64_t>(it.argument.value_or(0)));
    if (seen && it.result != register_value{sum})
      return false;
    state = sum;
    return true;
  }
  }
  return false;
}

class key_search {
 public:
  key_search(std::vector<const operation*> operations, std::uint64_t max_steps)
      : operations_{std::move(operations)}, max_steps_{max_steps} {
    link();
  }

  verdict run() {
    register_value state;
    auto at = moments_[0].next;
    while (required_ > 0) {
      if (at == 0 || moments_[at].is_end) {
        if (at != 0)
          note_stuck(moments_[at].operation);
        if (placed_.empty())
          return verdict::not_linearizable;
        at = take_back(state);
        continue;
      }
      if (++steps_ > max_steps_)
        return verdict::gave_up;
      at = place(at, state) ? moments_[0].next : moments_[at].next;
    }
    return verdict::linearizable;
  }

  std::uint64_t steps() const { return steps_; }
  /// The operation that no order got past, in the attempt that came furthest.
  const operation& stuck() const { return *operations_[stuck_]; }

 private:
  struct placement {
    std::uint32_t at;
    register_value before;
  };

  void link() {
    struct edge {
      std::int64_t time;
      bool is_end;
      std::uint32_t operation;
    };
    std::vector<edge> edges;
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      edges.push_back({operations_[i]->invoked, false, i});
      if (operations_[i]->outcome == operation_outcome::ok) {
        edges.push_back({operations_[i]->returned, true, i});
        ++required_;
      }
    }
    // At the same moment starts come first: the two operations may be in either order.
    std::stable_sort(edges.begin(), edges.end(), [](auto& a, auto& b) {
      return a.time != b.time ? a.time < b.time : a.is_end < b.is_end;
    });
    moments_.resize(edges.size() + 1);
    std::vector<std::uint32_t> starts(operations_.size());
    for (std::uint32_t i = 0; i < edges.size(); ++i) {
      auto here = i + 1;
      moments_[here] = {edges[i].operation, i, here == edges.size() ? 0 : here + 1, 0,
                        edges[i].is_end};
      if (edges[i].is_end)
        moments_[starts[edges[i].operation]].end = here;
      else
        starts[edges[i].operation] = here;
    }
    moments_[0].next = edges.empty() ? 0 : 1;
  }

  void unlink(std::uint32_t at) {
    moments_[moments_[at].previous].next = moments_[at].next;
    if (moments_[at].next != 0)
      moments_[moments_[at].next].previous = moments_[at].previous;
  }
  void relink(std::uint32_t at) {
    moments_[moments_[at].previous].next = at;
    if (moments_[at].next != 0)
      moments_[moments_[at].next].previous = at;
  }

  fingerprint of(std::uint32_t operation) const {
    return {mix(operation * 2 + 0x9e3779b97f4a7c15), mix(operation * 2 + 0xd1b54a32d192ed03)};
  }

  bool place(std::uint32_t at, register_value& state) {
    auto index = moments_[at].operation;
    auto& it = *operations_[index];
    auto before = state;
    if (!apply(it, state)) {
      state = before;
      return false;
    }
    auto bit = of(index);
    fingerprint set{set_.low ^ bit.low, set_.high ^ bit.high};
    auto value = state ? mix(static_cast<std::uint64_t>(*state) + 0x632be59bd9b4e019) : 0;
    if (!seen_.insert({set.low ^ value, set.high ^ mix(value + 1)}).second) {
      state = before;
      return false;
    }
    set_ = set;
    placed_.push_back({at, before});
    if (moments_[at].end != 0) {
      unlink(moments_[at].end);
      --required_;
    }
    unlink(at);
    return true;
  }

  std::uint32_t take_back(register_value& state) {
    auto last = placed_.back();
    placed_.pop_back();
    state = last.before;
    relink(last.at);
    if (auto end = moments_[last.at].end; end != 0) {
      relink(end);
      ++required_;
    }
    auto bit = of(moments_[last.at].operation);
    set_ = {set_.low ^ bit.low, set_.high ^ bit.high};
    return moments_[last.at].next;
  }

  void note_stuck(std::uint32_t operation) {
    if (placed_.size() >= furthest_) {
      furthest_ = placed_.size();
      stuck_ = operation;
    }
  }

  std::vector<const operation*> operations_;
  std::vector<moment> moments_; ///< [0] stands before the first and, as `next`, after the last
  std::vector<placement> placed_;
  std::unordered_set<fingerprint, fingerprint_hash> seen_;
  fingerprint set_;
  std::size_t required_ = 0;
  std::size_t furthest_ = 0;
  std::uint32_t stuck_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t max_steps_;
};

/// Leaves out what can't matter: it took no effect, or nobody could have seen its effect.
std::vector<const operation*> relevant(const std::vector<const operation*>& all) {
  auto reads_state_otherwise = false;
  std::unordered_set<std::int64_t> observed;
  auto note = [&observed](const register_value& it) {
    if (it)
      observed.insert(*it);
  };
  for (auto it : all) {
    if (it->kind == operation_kind::add ||
        (it->kind == operation_kind::cas && it->outcome == operation_outcome::ok && !it->matched))
      reads_state_otherwise = true;
    note(it->result);
    note(it->expected);
  }
  std::vector<const operation*> out;
  for (auto it : all) {
    auto unknown = it->outcome == operation_outcome::unknown;
    if (it->outcome == operation_outcome::failed || (unknown && it->kind == operation_kind::read))
      continue;
    // A value that nobody saw was written over before anybody looked: it need not have been there.
    if (unknown && it->kind == operation_kind::write && !reads_state_otherwise &&
        (!it->argument || observed.count(*it->argument) == 0) && it->argument)
      continue;
    out.push_back(it);
  }
  return out;
}

std::string to_text(const register_value& it) {
  return it ? std::to_string(*it) : "nil";
}

} // namespace

std::string to_string(const operation& it) {
  auto out = fmt::format("client {} ", it.client);
  switch (it.kind) {
  case operation_kind::read:
    out += fmt::format("read key {} = {}", it.key, to_text(it.result));
    break;
  case operation_kind::write:
    out += fmt::format("write key {} {}", it.key, to_text(it.argument));
    break;
  case operation_kind::cas:
    out += fmt::format("cas key {} {} -> {} ({})", it.key, to_text(it.expected),
                       to_text(it.argument), it.matched ? "matched" : "did not match");
    break;
  case operation_kind::add:
    out += fmt::format("add key {} {} = {}", it.key, to_text(it.argument), to_text(it.result));
    break;
  }
  if (it.outcome == operation_outcome::ok)
    return out + fmt::format(" [{}, {}]", it.invoked, it.returned);
  return out + fmt::format(" [{}, {}]", it.invoked,
                           it.outcome == operation_outcome::failed ? "failed" : "unknown");
}

linearizability_report check_linearizable(std::span<const operation> history,
                                          const linearizability_limits& limits) {
  std::map<std::uint64_t, std::vector<const operation*>> keys;
  for (auto& it : history)
    keys[it.key].push_back(&it);
  linearizability_report out;
  for (auto& [key, operations] : keys) {
    key_search search{relevant(operations), limits.steps_per_key};
    auto what = search.run();
    out.steps += search.steps();
    if (what == verdict::not_linearizable)
      return {what, key, out.steps,
              fmt::format("no order of the {} operations on key {} explains this one: {}",
                          operations.size(), key, to_string(search.stuck()))};
    if (what == verdict::gave_up && out.what == verdict::linearizable) {
      out.what = what;
      out.key = key;
      out.reason = fmt::format("the operations on key {} were not ordered within {} steps", key,
                               limits.steps_per_key);
    }
  }
  return out;
}

} // namespace atl::sim
