// A library that a plugin needs, and finds beside itself.
#include <cstddef>

extern "C" __attribute__((visibility("default"))) std::size_t neighbours_pick() {
  return 6;
}
