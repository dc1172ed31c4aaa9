#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atl::sim {

/// The value of a key; none before the first write.
using register_value = std::optional<std::int64_t>;

enum class operation_kind : std::uint8_t {
  read,  ///< returns the value of the key
  write, ///< sets it to `argument`
  cas,   ///< sets it to `argument` if it holds `expected`; otherwise does nothing
  add,   ///< adds `argument` to the value (none counts as 0), and returns the sum
};

enum class operation_outcome : std::uint8_t {
  ok,      ///< took effect between `invoked` and `returned`, with the recorded result
  failed,  ///< certainly took no effect
  unknown, ///< not answered: took effect at some time after `invoked`, or will, or never will
};

/// One operation on one key, as observed by its client.
struct operation {
  std::uint64_t client = 0;
  std::uint64_t key = 0;
  operation_kind kind = operation_kind::read;
  operation_outcome outcome = operation_outcome::ok;
  bool matched = true; ///< of a `cas` that was answered: the key held `expected`
  register_value argument;
  register_value expected;
  register_value result;     ///< of a `read` or an `add` that was answered
  std::int64_t invoked = 0;  ///< any unit, the same for all operations
  std::int64_t returned = 0; ///< ≥ `invoked`; ignored when the outcome isn't known
};

using history = std::vector<operation>;

/// `client 3 cas key 7 1 -> 2 (matched) [120, 450]`
std::string to_string(const operation& it);

} // namespace atl::sim
