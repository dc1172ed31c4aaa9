#include "common/leader_options.hpp"

#include <doctest/doctest.h>

using namespace atl::leader_based;

namespace {

leader_options options() {
  leader_options it;
  it.keep_entries = 80;
  it.keep_bytes = 1000;
  it.log_bytes = 3000;
  return it;
}

} // namespace

TEST_CASE("a log is cut once enough entries lie before those that are kept") {
  CHECK(cut_goal(options(), 0, 200, 500, 85, 85) == 0); // too few entries to be worth a record
  CHECK(cut_goal(options(), 0, 200, 500, 91, 91) == 11);
  CHECK(cut_goal(options(), 50, 200, 500, 91, 91) <= 50);
}

TEST_CASE("a log beyond keep_bytes keeps fewer entries, as many as fit on average") {
  CHECK(cut_goal(options(), 0, 100, 9900, 100, 100) == 90);
}

TEST_CASE("a few large entries are cut when they fill the log") {
  CHECK(cut_goal(options(), 0, 3, 1900, 3, 3) == 0);
  CHECK(cut_goal(options(), 0, 3, 2400, 3, 3) == 2);
}

TEST_CASE("a log isn't cut after the limit") {
  CHECK(cut_goal(options(), 0, 200, 500, 191, 20) == 20);
}
