#include "progress_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <unistd.h>

progress_line::progress_line()
    : on_terminal_{::isatty(STDERR_FILENO) == 1}, began_{std::chrono::steady_clock::now()} {}

progress_line::~progress_line() {
  if (shown_)
    fmt::print(stderr, "\r\x1b[K");
}

void progress_line::show(double done) {
  if (!on_terminal_ || done <= 0)
    return;
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
  auto left = took.count() / done * (1 - std::min(done, 1.0));
  fmt::print(stderr, "\r\x1b[K{:.0f} % of the simulated runs done, about {:.0f} s left", done * 100,
             left);
  std::fflush(stderr);
  shown_ = true;
}
