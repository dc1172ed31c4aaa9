// A symbol with the right name that is a function instead of a descriptor.
#include <atoll/spi/plugin.hpp>

#include <cstdlib>

[[gnu::constructor]] static void never() {
  std::abort();
}

extern "C" __attribute__((visibility("default"))) void
ATOLL_PLUGIN_SYMBOL(balancer, function_symbol, 1, 0, 0)() {}
