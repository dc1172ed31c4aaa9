#pragma once

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/replica.hpp>

#include <fmt/format.h>

#include <exception>
#include <utility>

namespace atl::runtime {

template <class Call>
void replica_actor::guard(Call call) {
  if (!serving_)
    return;
  try {
    call();
  } catch (const std::exception& thrown) {
    stop_serving({errc::internal, fmt::format("the consensus plugin ({}) threw: {}",
                                              settings_.self.consensus, thrown.what())});
  }
}

template <class Event>
void replica_actor::drive(Event event) {
  guard([&] {
    settings_.protocol->advance(now());
    event(*settings_.protocol);
    if (!std::exchange(drain_pending_, true))
      tell(this, caf::actor_cast<caf::actor>(this), drain_effects{});
  });
}

} // namespace atl::runtime
