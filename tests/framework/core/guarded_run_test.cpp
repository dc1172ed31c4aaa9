#include <atoll/core/guarded_run.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <unistd.h>

namespace {

std::string problem(const std::function<int(const atl::announce_step&)>& work) {
  auto ended = atl::run_guarded(work);
  return ended ? "ended with " + std::to_string(*ended) : ended.error().message;
}

} // namespace

TEST_CASE("guarded work returns its exit code, and changes nothing in this process") {
  int here = 1;
  CHECK(problem([&](auto& announce) {
          announce({"a.so", "loading"});
          here = 2;
          return 7;
        }) == "ended with 7");
  CHECK(here == 1);
  CHECK(problem([](auto&) { return 0; }) == "ended with 0");
}

TEST_CASE("guarded work that ends the process is reported with its last step") {
  auto after = [](auto act) {
    return [act](const atl::announce_step& announce) {
      announce({"/x/a.so", "loading"});
      announce({"/x/b.so", "creating an instance"});
      act();
      return 0;
    };
  };
  CHECK(problem(after([] { std::abort(); })) ==
        "/x/b.so: crashed while creating an instance (signal ABRT)");
  CHECK(problem(after([] { ::raise(SIGKILL); })) ==
        "/x/b.so: crashed while creating an instance (signal KILL)");
  CHECK(problem(after([] { ::_exit(0); })) ==
        "/x/b.so: ended the process while creating an instance (exit code 0)");
  CHECK(problem(after([] { throw std::runtime_error{"thrown on purpose"}; })) ==
        "/x/b.so: ended the process while creating an instance (exit code 125)");
  CHECK(problem(after([] { throw 7; })).starts_with("/x/b.so: ended the process"));
}

TEST_CASE("guarded work that hangs is killed after the time limit of its step") {
  CHECK(problem([](const atl::announce_step& announce) {
          announce({"/x/a.so", "loading", std::chrono::seconds{1}});
          for (;;)
            ::pause();
          return 0;
        }) == "/x/a.so: hangs while loading: no end of it within 1 seconds");
}
