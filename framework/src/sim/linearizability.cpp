#include "register_search.hpp"

#include <atoll/sim/linearizability.hpp>

#include <fmt/format.h>

#include <map>
#include <unordered_set>
#include <vector>

namespace atl::sim {

namespace {

/// Leaves out operations without effect, or whose effect was never observed. Values that were never
/// observed become one value, because they are interchangeable.
std::vector<candidate> relevant(const std::vector<const operation*>& all) {
  auto has_add = false;
  auto has_mismatch = false; // such an operation may have observed a value that no other did
  std::unordered_set<std::int64_t> observed;
  std::int64_t unseen = 0;
  for (auto it : all) {
    auto answered = it->outcome == operation_outcome::ok;
    has_add = has_add || it->kind == operation_kind::add;
    has_mismatch = has_mismatch || (it->kind == operation_kind::cas && answered && !it->matched);
    for (auto& value : {it->result, it->expected})
      if (value)
        observed.insert(*value);
  }
  while (observed.count(unseen) != 0)
    --unseen;
  std::vector<candidate> out;
  for (auto it : all) {
    auto unknown = it->outcome == operation_outcome::unknown;
    if (it->outcome == operation_outcome::failed || (unknown && it->kind == operation_kind::read))
      continue;
    auto seen = !it->argument || observed.count(*it->argument) != 0;
    // An unobserved write was overwritten before any read, so the write is not needed.
    if (unknown && it->kind == operation_kind::write && !seen && !has_add && !has_mismatch)
      continue;
    out.push_back({*it, it});
    if (!seen && !has_add)
      out.back().op.argument = unseen;
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
    auto [what, steps, stuck] = search_order(relevant(operations), limits.steps_per_key);
    out.steps += steps;
    if (what == verdict::not_linearizable)
      return {what, key, out.steps,
              fmt::format("no order of the {} operations on key {} explains this one: {}",
                          operations.size(), key, to_string(*stuck)),
              *stuck};
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
