// A library that a plugin loads from its own folder.
#include <cstddef>

extern "C" __attribute__((visibility("default"))) std::size_t neighbours_pick() {
  return 6;
}
