#include "node/stop_waiter.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <signal.h>
#include <unistd.h>

TEST_CASE("after the failure of one role a node goes on waiting, and a signal still ends it") {
  auto child = ::fork(); // the mask of signals stays that of the child
  REQUIRE(child >= 0);
  if (child == 0) {
    auto waiter = atl::node::stop_waiter::make();
    if (!waiter)
      ::_exit(1);
    waiter->wake();
    waiter->wake();
    if (waiter->wait() != 0)
      ::_exit(2);
    ::kill(::getpid(), SIGTERM);
    ::_exit(waiter->wait() == SIGTERM ? 0 : 3);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
