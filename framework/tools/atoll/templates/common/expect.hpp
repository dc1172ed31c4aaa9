#pragma once

#include <iostream>

/// How many expectations were not met: the exit code of the test.
inline int failures = 0;

inline void expect(bool is_met, const char* sentence) {
  if (is_met)
    return;
  std::cerr << "failed: " << sentence << '\n';
  ++failures;
}
