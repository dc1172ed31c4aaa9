#pragma once

#include <doctest/doctest.h>

#include <unistd.h>

/// Runs the test as another user than root, to whom all files are open, until the destructor.
class other_user {
 public:
  other_user() {
    if (::geteuid() == 0)
      REQUIRE(::seteuid(65534) == 0);
  }
  other_user(const other_user&) = delete;
  other_user& operator=(const other_user&) = delete;
  ~other_user() { CHECK(::seteuid(::getuid()) == 0); }
};
