#include "sim_replica.hpp"
#include "simulator.hpp"

/// How a host keeps a replica out of the group after the replica's disk was wiped.
namespace atl::sim {

namespace {

constexpr std::int64_t query_interval = 100'000;

} // namespace

void sim_replica::wipe() {
  crash("its disk is wiped");
  lose_disk();
  ++simulator_.stats().wiped_disks;
  if (!simulator_.options().admit_wiped)
    membership_.wipe();
}

void sim_replica::ask_for_admission() {
  for (spi::replica_id peer = 1; peer <= simulator_.replicas(); ++peer) {
    if (peer == id_)
      continue;
    if (auto answer = simulator_.ask_membership(id_, peer))
      membership_.on_response(*answer, simulator_.now());
    else
      membership_.on_unreachable(peer);
  }
  auto why = membership_.decide(simulator_.now());
  if (!membership_.is_asking()) {
    simulator_.trace("replica {} is let in with an empty disk", id_);
    admission_refusal_.clear();
    return start_protocol();
  }
  if (why != admission_refusal_) {
    simulator_.trace("replica {} is kept out: {}", id_, why);
    simulator_.emit([&] {
      return run_event{.what = run_event_kind::not_admitted, .replica = id_, .text = why};
    });
  }
  admission_refusal_ = std::move(why);
  simulator_.at_time(simulator_.now() + query_interval, event_kind::admission, id_, incarnation_);
}

} // namespace atl::sim
