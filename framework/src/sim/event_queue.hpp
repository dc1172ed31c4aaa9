#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace atl::sim {

enum class event_kind : std::uint8_t {
  deliver,        ///< a message; arg: its packet
  timer,          ///< a replica's deadline
  synced,         ///< a replica's disk is done
  validated,      ///< a state machine's validation; arg: its slot
  drain,          ///< a lazy host fetches the effects
  apply,          ///< a lazy host applies committed entries
  flush,          ///< a state machine becomes durable
  unreachable,    ///< a host tells its protocol; arg: the peer
  snapshot_sent,  ///< a snapshot was sent; arg: the peer, and whether it succeeded
  restart,        ///< a replica comes back
  crash,          ///< a replica stops in the middle of a sync
  request,        ///< a client's request arrives at a replica; arg: its slot
  response,       ///< a response arrives at a client; arg: its slot
  client,         ///< a client's turn; arg: the client and its turn
  fault_injector, ///< the next fault
  admin,          ///< an administrator's turn
  admission,      ///< a host that does not admit its replica asks its peers again
};

struct event {
  std::int64_t at = 0; ///< microseconds of simulated time
  std::uint64_t order = 0;
  std::uint64_t arg = 0;
  std::uint64_t incarnation = 0; ///< the incarnation of the replica that the event is for; 0: any
  std::uint32_t replica = 0;
  event_kind kind = event_kind::fault_injector;
};

/// Events in order of time, and at the same time in order of insertion.
/// @tparam Event has `at`, a time in microseconds, and `order`, which the queue assigns
template <class Event>
class basic_event_queue {
 public:
  void push(Event it) {
    it.order = ++orders_;
    heap_.push_back(it);
    std::push_heap(heap_.begin(), heap_.end(), later{});
  }

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  const Event& top() const { return heap_.front(); }

  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later{});
    auto it = heap_.back();
    heap_.pop_back();
    return it;
  }

 private:
  struct later {
    bool operator()(const Event& a, const Event& b) const {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };

  std::vector<Event> heap_;
  std::uint64_t orders_ = 0;
};

using event_queue = basic_event_queue<event>;

} // namespace atl::sim
