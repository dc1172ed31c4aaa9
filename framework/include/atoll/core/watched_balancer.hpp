#pragma once

#include <atoll/spi/balancer.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>

namespace atl {

/// A balancer hasn't answered a call in time; the text says what becomes of that.
struct balancer_hangs : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Calls another balancer on a thread of its own, and gives up a call that takes too long: a plugin
/// that hangs then costs one request its answer, not the node its life. Each call copies the facts,
/// because a call that was given up may still read them later; so a call costs about 20 µs more,
/// and the copy of some 25 bytes for each member.
///
/// A call that isn't answered in time throws `balancer_hangs`, and so does every further call,
/// at once. The thread and the balancer are then left behind until the call ends, if it ever does.
/// What the balancer throws, its caller gets. Thread-safety: as any balancer.
class watched_balancer final : public spi::balancer {
 public:
  watched_balancer(std::shared_ptr<spi::balancer> inner, std::chrono::milliseconds limit);
  ~watched_balancer() override;

  void update(std::span<const spi::member> members) override;
  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override;
  std::size_t pick_many(const spi::pick_request& request, const spi::member_facts& facts,
                        std::span<spi::slot> picks) override;
  void observe(spi::slot who, const spi::outcome& result, spi::timestamp now) override;
  std::size_t wanted_probes(spi::timestamp now, const spi::member_facts& facts,
                            std::span<spi::slot> whom) override;
  void on_probe(spi::slot who, const spi::probe_result& result, spi::timestamp now) override;

 private:
  struct state;
  /// Runs `call` on the thread, on the copies in the state.
  void run(void (*call)(state&));
  void refuse_if_hanging() const;

  std::chrono::milliseconds limit_;
  bool hangs_ = false;
  std::shared_ptr<state> state_;
};

} // namespace atl
