// A library that is not a plugin. Mapping it ends the test process.
#include <cstdlib>

[[gnu::constructor]] static void never() {
  std::abort();
}

extern "C" __attribute__((visibility("default"))) int answer() {
  return 42;
}
