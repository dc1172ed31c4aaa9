#pragma once

#include <atoll/core/request_dispatcher.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace test {

/// A balancer that picks any member that it may; in a test's hands it throws, or picks what it must
/// not.
class moody_balancer final : public atl::spi::balancer {
 public:
  explicit moody_balancer(std::uint64_t seed) : random_{seed} {}

  double throws = 0; ///< probability, for each call
  double wrong = 0;  ///< probability, for each pick
  double none = 0;   ///< probability, for each pick

  void update(std::span<const atl::spi::member> members) override;
  atl::spi::slot pick(const atl::spi::pick_request& request,
                      const atl::spi::member_facts& facts) override;

 private:
  void maybe_throw();
  atl::spi::random_source random_;
};

/// A dispatcher with requesters and workers that do everything that real ones may do wrong, in one
/// thread and in simulated time; what happens depends on the seed alone. Checks after each event
/// what the dispatcher promises.
class dispatcher_world {
 public:
  struct settings {
    std::uint64_t seed = 1;
    std::uint32_t workers = 0; ///< 0: drawn
    std::uint32_t requests = 500;
    bool has_restricted_requests = false; ///< that are for some workers alone
  };
  explicit dispatcher_world(const settings& given);

  /// Runs until nothing is left to do. @returns what was violated; empty: nothing
  std::string run();

  const atl::dispatch_counters& counters() const { return dispatcher_->counters(); }
  std::uint64_t digest() const { return digest_; } ///< of all effects
  std::size_t ejected_max() const { return ejected_max_; }

 private:
  using time = atl::spi::timestamp;
  struct worker {
    bool is_member = true;
    bool takes = true; ///< as the dispatcher was told
    bool hangs = false;
    int slowness = 1;
    double loss = 0;                  ///< of answers
    double fails = 0;                 ///< probability
    std::set<std::uint64_t> attempts; ///< sent, and not reported
  };
  struct request {
    atl::dispatch_request what;
    std::uint32_t executions = 0; ///< that may have taken place
    std::uint32_t attempts = 0;
    bool is_complete = false;
  };

  void draw_options();
  void at(time when, std::function<void()> what);
  void after(std::int64_t least, std::int64_t most, std::function<void()> what);
  void event();
  void violated(const std::string& what);

  void arrive();
  void fault();
  void end_faults();
  void tell_members();
  void lose(std::uint64_t id);
  void report(std::uint64_t attempt, std::uint64_t worker, std::function<void()> how);

  void carry_out();
  void on_effect(const atl::send_attempt& effect);
  void on_effect(const atl::cancel_attempt& effect);
  void on_effect(const atl::complete_request& effect);
  void check_load();
  void check_rest();

  settings settings_;
  atl::spi::random_source random_;
  atl::dispatch_options options_;
  std::shared_ptr<moody_balancer> balancer_;
  std::unique_ptr<atl::request_dispatcher> dispatcher_;
  time now_{0};
  std::multimap<time, std::function<void()>> events_;
  std::map<std::uint64_t, worker> workers_;
  std::vector<std::uint64_t> ids_; ///< keys of `workers_`
  std::map<std::uint64_t, request> requests_;
  std::uint64_t last_worker_ = 0;
  std::uint64_t last_attempt_ = 0;
  std::uint64_t reported_ = 0; ///< the attempt whose answer is being reported
  std::vector<atl::dispatch_effect> effects_;
  std::uint32_t arrivals_left_;
  bool balancer_declines_ = false; ///< it sometimes picks none though it could
  std::size_t ejected_max_ = 0;
  std::uint64_t checks_ = 0;
  std::uint64_t digest_ = 0;
  std::string violation_;
};

} // namespace test
