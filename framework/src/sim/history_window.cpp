#include <atoll/sim/history_window.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace atl::sim {

namespace {

/// An operation whose times are event numbers, with the original operation.
struct numbered_operation {
  operation op;
  const operation* source = nullptr;
};

bool has_end(const operation& op) {
  return op.outcome != operation_outcome::unknown;
}

struct numbered_history {
  std::vector<numbered_operation> operations;
  std::vector<std::int64_t> times; ///< by event, the first of which has the number 1
};

/// The operations on one key; at one moment invocations come first.
numbered_history number_events(const history& all, std::uint64_t key) {
  struct moment {
    std::int64_t at;
    bool is_end;
    std::size_t operation;
  };
  numbered_history out;
  std::vector<moment> moments;
  for (auto& it : all) {
    if (it.key != key)
      continue;
    moments.push_back({it.invoked, false, out.operations.size()});
    if (has_end(it))
      moments.push_back({it.returned, true, out.operations.size()});
    out.operations.push_back({it, &it});
  }
  std::ranges::stable_sort(moments, {}, [](auto& it) { return std::pair{it.at, it.is_end}; });
  for (auto& moment : moments) {
    out.times.push_back(moment.at);
    auto& it = out.operations[moment.operation].op;
    (moment.is_end ? it.returned : it.invoked) = static_cast<std::int64_t>(out.times.size());
  }
  return out;
}

/// The history as known after its first `events` events.
std::vector<numbered_operation> prefix_of(const std::vector<numbered_operation>& all,
                                          std::int64_t events) {
  std::vector<numbered_operation> part;
  for (auto each : all) {
    if (each.op.invoked > events)
      continue;
    if (has_end(each.op) && each.op.returned > events)
      each.op.outcome = operation_outcome::unknown; // not yet ended
    part.push_back(each);
  }
  return part;
}

/// The history without its first `events` events.
std::vector<numbered_operation> suffix_after(const std::vector<numbered_operation>& all,
                                             std::int64_t events) {
  std::vector<numbered_operation> part;
  for (auto& each : all)
    if (!has_end(each.op) || each.op.returned > events)
      part.push_back(each);
  return part;
}

/// The operations, preceded by one that sets the unknown initial value.
history with_initial_value(const std::vector<numbered_operation>& part, std::uint64_t key,
                           register_value initial_value) {
  history out;
  if (initial_value) {
    operation first;
    first.key = key;
    first.kind = operation_kind::write;
    first.argument = initial_value;
    out.push_back(first);
  }
  for (auto& each : part)
    out.push_back(each.op);
  return out;
}

/// The smallest number for which `holds`. Requires: `holds` is monotonic, and true for `high`.
template <class Holds>
std::int64_t smallest(std::int64_t low, std::int64_t high, Holds holds) {
  while (low < high) {
    auto middle = low + (high - low) / 2;
    if (holds(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return high;
}

} // namespace

history_window find_window(const history& all, std::uint64_t key,
                           const linearizability_limits& limits) {
  auto is_refuted = [&](const std::vector<numbered_operation>& part, register_value initial_value) {
    return check_linearizable(with_initial_value(part, key, initial_value), limits).what ==
           verdict::not_linearizable;
  };
  auto [events, times] = number_events(all, key);
  auto last =
      smallest(1, static_cast<std::int64_t>(times.size()), [&, &events = events](auto count) {
        return is_refuted(prefix_of(events, count), std::nullopt);
      });
  auto part = prefix_of(events, last);
  std::set<register_value> values{std::nullopt};
  for (auto& each : part)
    for (auto& value : {each.op.argument, each.op.expected, each.op.result})
      values.insert(value);
  // Searches backwards: how many events refute every possible start?
  auto events_back = smallest(1, last, [&](auto count) {
    auto seen = suffix_after(part, last - count);
    return std::ranges::all_of(
        values, [&](auto& initial_value) { return is_refuted(seen, initial_value); });
  });
  history_window found;
  found.first = times[static_cast<std::size_t>(last - events_back)];
  found.last = times[static_cast<std::size_t>(last - 1)];
  for (auto& each : suffix_after(part, last - events_back)) {
    found.operations.push_back(*each.source);
    found.operations.back().outcome = each.op.outcome;
  }
  return found;
}

} // namespace atl::sim
