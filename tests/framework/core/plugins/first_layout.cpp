// What the first headers made of a plugin, as far as a host looks at it: a symbol that counts all
// kinds together.
#include <cstdlib>

[[gnu::constructor]] static void never() {
  std::abort();
}

extern "C" __attribute__((visibility("default")))
const char atoll_plugin__1_1__gnu_libstdcxx_cxx11__balancer__1_0_0__first_layout[136] = {};
