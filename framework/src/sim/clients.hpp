#pragma once

#include "simulator.hpp"

#include <atoll/sim/history.hpp>

#include <cstdint>
#include <vector>

namespace atl::sim {

/// Simulated clients, which propose and read what the service wants, and retry when no answer
/// comes.
class clients {
 public:
  explicit clients(simulator& sim);

  /// Whether each client received this many answers since the last `reset_answer_counts`.
  bool each_was_answered(std::uint32_t times) const;
  void reset_answer_counts();
  /// Starts no further operations; open ones are recorded as unknown.
  void stop();

 private:
  struct client {
    spi::random_source random;
    injection_point lost_answers;
    std::uint64_t turn = 0;          ///< events of earlier turns are void
    std::uint64_t attempt = 0;       ///< the newest attempt
    std::uint64_t first_attempt = 0; ///< the first attempt of the present operation
    bool busy = false;
    std::uint32_t attempts_open = 0; ///< attempts that may have taken effect, or still may
    std::int64_t give_up_at = 0;
    spi::replica_id target = 1;
    std::uint32_t answered = 0;
  };
  struct response {
    request_owner owner;
    answer what;
  };
  enum class wake : std::uint8_t { begin, timeout, again };

  void on_client(std::uint64_t arg);
  void on_answer(const request_owner& owner, answer what);
  void on_response(std::uint64_t place);
  void begin(std::size_t index);
  void attempt(std::size_t index);
  /// @param reply if the outcome is `ok`
  void finish(std::size_t index, operation_outcome outcome, const answer& reply = {});
  spi::replica_id draw_replica(client& of);
  void wake_at(std::size_t index, std::int64_t at, wake why);
  std::int64_t one_way_delay(client& of);

  simulator& simulator_;
  std::vector<client> clients_;
  slot_pool<response> responses_;
  std::uint64_t attempts_ = 0;
  bool stopped_ = false;
};

} // namespace atl::sim
