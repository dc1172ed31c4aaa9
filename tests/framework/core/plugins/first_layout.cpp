// The part of the first descriptor layout that a host reads: a symbol with one version for all
// kinds of plugins.
#include <cstdlib>

[[gnu::constructor]] static void never() {
  std::abort();
}

extern "C" __attribute__((visibility("default")))
const char atoll_plugin__1_1__gnu_libstdcxx_cxx11__balancer__1_0_0__first_layout[136] = {};
