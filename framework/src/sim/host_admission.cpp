#include "engine.hpp"
#include "host.hpp"

/// How a host keeps a replica out whose disk was wiped under its id.
namespace atl::sim {

namespace {

constexpr std::int64_t query_interval = 100'000;

} // namespace

void host::wipe() {
  crash("its disk is wiped");
  lose_disk();
  ++world_.stats().wiped_disks;
  if (!world_.options().admit_wiped)
    membership_.wipe();
}

void host::ask_for_admission() {
  for (spi::replica_id peer = 1; peer <= world_.replicas(); ++peer) {
    if (peer == id_)
      continue;
    if (auto answer = world_.ask_membership(id_, peer))
      membership_.on_answer(*answer, world_.now());
    else
      membership_.on_unreachable(peer);
  }
  auto why = membership_.decide(world_.now());
  if (!membership_.asks()) {
    world_.say("replica {} is let in with an empty disk", id_);
    kept_out_because_.clear();
    return start_protocol();
  }
  if (why != kept_out_because_) {
    world_.say("replica {} is kept out: {}", id_, why);
    world_.show(
        [&] { return run_event{.what = run_event_kind::kept_out, .replica = id_, .text = why}; });
  }
  kept_out_because_ = std::move(why);
  world_.at_time(world_.now() + query_interval, event_kind::admission, id_, life_);
}

} // namespace atl::sim
