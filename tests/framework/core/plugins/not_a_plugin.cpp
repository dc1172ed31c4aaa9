// A library like any other. Whoever maps it to look inside ends the test.
#include <cstdlib>

[[gnu::constructor]] static void never() {
  std::abort();
}

extern "C" __attribute__((visibility("default"))) int answer() {
  return 42;
}
