#include <atoll/node/node_context.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/system.hpp>

#include <doctest/doctest.h>

#include <future>
#include <stdexcept>

namespace {

/// An actor that ends at its first message, by a mistake or on its own account.
caf::behavior end_by_exception(caf::event_based_actor*) {
  return {[](int) { throw std::runtime_error{"a mistake"}; }};
}
caf::behavior end_by_itself(caf::event_based_actor* self) {
  return {[self](int) { self->quit(); }};
}

} // namespace

TEST_CASE("an actor that ends by a mistake, or by itself, is a failure of the node that names it") {
  atl::runtime::system actors{1};
  for (auto body : {end_by_exception, end_by_itself}) {
    std::promise<atl::error> failure;
    auto actor = actors->spawn(body);
    atl::node::supervise(actor, "the replica",
                         [&](const atl::error& why) { failure.set_value(why); });
    caf::anon_send(actor, 1);
    auto why = failure.get_future().get();
    CHECK(why.code == atl::errc::internal);
    CHECK_MESSAGE(why.message.starts_with("the replica ended without having been told to ("),
                  why.message);
  }
}

TEST_CASE("an actor that is told to end is no failure") {
  bool failed = false;
  {
    atl::runtime::system actors{1};
    auto actor = actors->spawn(end_by_itself);
    atl::node::supervise(actor, "the replica", [&](const atl::error&) { failed = true; });
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  }
  CHECK_FALSE(failed);
}
