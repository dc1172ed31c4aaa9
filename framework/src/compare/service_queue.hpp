#pragma once

#include <atoll/compare/workload.hpp>

#include <cstdint>
#include <deque>
#include <queue>
#include <vector>

namespace atl::compare {

/// The requests at one member and the servers that work on them. Time is in microseconds and never
/// goes back; each call first lets the servers work until then.
///
/// All requests that are worked on progress at the same rate, so that one number counts the
/// progress of all of them, and a request ends when that number reaches its own end. Each change
/// takes time in proportion to the logarithm of the requests at work.
class service_queue {
 public:
  using job = std::uint32_t;

  explicit service_queue(const member_model& member);

  /// @param speed work done in a microsecond by a server that has one request; 0: pauses
  void set_speed(double speed, double now);
  /// @pre not full
  void add(job who, double work, double now);
  /// When the next request ends if nothing changes; infinite if none will.
  double next_end() const;
  /// Removes and returns the request that ends next. @pre now is `next_end()`
  job finish_next(double now);
  /// Removes and returns all requests, those at work first.
  std::vector<job> clear(double now);

  std::uint32_t size() const {
    return static_cast<std::uint32_t>(active_.size() + waiting_.size());
  }
  bool is_full() const { return queue_max_ != 0 && size() >= queue_max_; }
  /// Microseconds of work of all servers together until `now`, at any speed.
  double busy(double now);

 private:
  struct waiting_job {
    job who;
    double work;
  };
  struct active_job {
    double end; ///< in terms of `progress_`
    std::uint64_t order;
    job who;

    bool operator<(const active_job& other) const {
      return end != other.end ? end > other.end : order > other.order;
    }
  };

  void work_until(double now);
  void start(const waiting_job& next);
  double busy_servers() const;
  double rate() const; ///< of the progress of each request at work

  double servers_;
  queue_discipline discipline_;
  std::uint32_t queue_max_;
  double speed_ = 1;
  double now_ = 0;
  double progress_ = 0;
  double busy_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<active_job> active_;
  std::deque<waiting_job> waiting_;
};

} // namespace atl::compare
