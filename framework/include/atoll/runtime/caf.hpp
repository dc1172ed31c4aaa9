#pragma once

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/response_promise.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <utility>

/// The few calls whose names differ between CAF 0.18 and 1.x. Everything else in this tree uses
/// only what both versions have.
namespace atl::runtime {

#if CAF_MAJOR_VERSION >= 1

/// What `abstract_actor::enqueue` is given beside the message.
using enqueue_context = caf::scheduler;

template <class Self, class Handle, class... Ts>
void tell(Self* self, const Handle& to, Ts&&... parts) {
  self->mail(std::forward<Ts>(parts)...).send(to);
}

template <class Self, class... Ts>
void tell_later(Self* self, std::chrono::nanoseconds delay, Ts&&... parts) {
  self->mail(std::forward<Ts>(parts)...).delay(delay).send(caf::actor_cast<caf::actor>(self));
}

template <class Self, class Handle, class Duration, class... Ts>
auto ask(Self* self, const Handle& to, Duration timeout, Ts&&... parts) {
  return self->mail(std::forward<Ts>(parts)...).request(to, timeout);
}

/// From a thread that is no actor.
template <class Handle, class... Ts>
void tell_from_outside(const Handle& to, Ts&&... parts) {
  caf::anon_mail(std::forward<Ts>(parts)...).send(to);
}

#else

using enqueue_context = caf::execution_unit;

template <class Self, class Handle, class... Ts>
void tell(Self* self, const Handle& to, Ts&&... parts) {
  self->send(to, std::forward<Ts>(parts)...);
}

template <class Self, class... Ts>
void tell_later(Self* self, std::chrono::nanoseconds delay, Ts&&... parts) {
  self->delayed_send(caf::actor_cast<caf::actor>(self), delay, std::forward<Ts>(parts)...);
}

template <class Self, class Handle, class Duration, class... Ts>
auto ask(Self* self, const Handle& to, Duration timeout, Ts&&... parts) {
  return self->request(to, timeout, std::forward<Ts>(parts)...);
}

/// From a thread that is no actor.
template <class Handle, class... Ts>
void tell_from_outside(const Handle& to, Ts&&... parts) {
  caf::anon_send(to, std::forward<Ts>(parts)...);
}

#endif

} // namespace atl::runtime
