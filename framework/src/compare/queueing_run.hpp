#pragma once

#include "key_sample.hpp"
#include "probe_answers.hpp"
#include "request_source.hpp"
#include "run_statistics.hpp"
#include "service_queue.hpp"
#include "timeline.hpp"

#include <atoll/compare/queueing.hpp>
#include <atoll/core/balanced_pool.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace atl::compare {

/// One run of `run_queueing`: hosts with their pools, members with their queues, and the requests
/// on their way.
class queueing_run {
 public:
  queueing_run(const workload& workload, const strategy& strategy, std::uint64_t seed,
               const std::function<void()>& on_progress);

  result<strategy_result> run();

 private:
  struct request {
    new_request what;
    double sent_at = 0;
    std::uint32_t member = 0; ///< index of the member that has it
    std::uint32_t met = 0;    ///< requests that were at the member when it came
    std::vector<std::uint64_t> tried;
  };

  struct member_state {
    service_queue queue;
    spi::random_source faults;
    spi::random_source antagonists;
    probe_answers answers;
    std::uint64_t version = 0; ///< grows with each change of the queue
    double stretch = 1;        ///< by the antagonist
    bool paused = false;
    bool down = false;
    bool seen_down = false; ///< by the hosts
  };

  using slot = service_queue::job;

  void report_progress() const {
    if (on_progress_)
      on_progress_();
  }
  status create_pools();
  result<std::unique_ptr<balanced_pool>> create_pool(std::uint64_t seed,
                                                     std::chrono::microseconds slow_start);
  status change_members();
  status handle(const event& it);

  void arrive(const new_request& what);
  /// Sends the request to members until one takes it.
  void dispatch(slot who);
  /// @returns whether the member took it
  bool send(slot who, std::uint64_t id);
  void end_request(std::uint32_t member);
  void fail_all(std::uint32_t member);
  /// A request failed at a member. @returns whether it may go to another one; otherwise it is over
  bool may_retry(slot who);
  void release(slot who);

  void probe(std::uint32_t host);
  void answer_probe(const event& it);

  void draw_antagonist(std::uint32_t member);
  void update_speed(std::uint32_t member);
  void plan_end(std::uint32_t member);
  std::vector<double> busy();

  spi::timestamp now() const { return spi::timestamp{static_cast<std::int64_t>(now_)}; }

  const workload& workload_;
  const strategy& strategy_;
  std::uint64_t seed_;
  const std::function<void()>& on_progress_;
  double now_ = 0;
  timeline timeline_;
  request_source source_;
  run_statistics statistics_;
  std::vector<std::unique_ptr<balanced_pool>> pools_; ///< by host
  std::optional<key_sample> keys_;                    ///< none: nobody joins or leaves
  std::vector<key_moves> moves_;
  std::vector<member_state> members_;
  std::vector<request> requests_;
  std::vector<slot> free_;
  std::uint64_t probes_ = 0;
  std::string first_error_;
};

} // namespace atl::compare
