#pragma once

#include <atoll/core/state/service_logic.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace atl::verify {

/// A service's logic to be tried by `check_service` and `simulate_service`, and what is tried with
/// it.
struct service_under_test {
  struct generated_command {
    std::uint8_t type = 0;
    std::string body;
  };
  /// Asks a replica a query. @returns its answer, as the logic encoded it
  using ask = std::function<std::string(std::string_view query)>;

  /// Makes the logic of a replica, at each of its starts.
  std::function<std::unique_ptr<service_logic>()> logic;
  /// The next command of some client; randomness from the argument alone.
  std::function<generated_command(spi::random_source&)> command;
  /// The next query of some client, likewise; for `simulate_service` alone. None: clients ask
  /// nothing.
  std::function<std::string(spi::random_source&)> query;
  /// Says what is wrong with a state; none if all is right. Called for every replica from time to
  /// time, and at the end. May be empty.
  std::function<std::optional<std::string>(const ask&)> invariant;

  /// False for a service whose commands end sessions (`transaction::expire_sessions`), perhaps
  /// before their time: then a repeated command need not get its first answer.
  bool sessions_last = true;

  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 20;
  // Of `check_service` alone.
  std::uint32_t replicas = 3;
  std::uint32_t clients = 6;
  std::uint32_t steps = 300; ///< a step is a command or an event at a replica
};

/// What is wrong with a service.
struct service_finding {
  std::uint64_t seed = 0; ///< a run of this seed alone finds it again
  std::string what;       ///< a sentence: which replica, at which entry, what differs
};

/// Runs replicas of a service through histories that are drawn from seeds, and checks that the
/// service is a correct state machine: that replicas which applied the same entries give the same
/// answers and have the same rows, whatever happens to each of them; that a repeated command gets
/// its first answer; and the author's invariant.
///
/// All replicas follow one log, as a consensus protocol makes it (`atoll simulate` shows that of a
/// protocol), and each at its own pace: in batches of its own sizes, with crashes that lose what
/// was not written, restarts, and snapshots of other replicas in place of entries. Clients repeat
/// commands, pause for longer than sessions last, and send stale commands and bytes that are none;
/// some entries carry a stamp from the year 2100.
///
/// Replicas have real databases. A run of 300 steps takes a few tenths of a second.
/// @param folder for the databases; exists. What a run leaves there may be removed.
/// @returns the first finding; none if every seed went well
std::optional<service_finding> check_service(const service_under_test& service,
                                             const std::filesystem::path& folder);

} // namespace atl::verify
