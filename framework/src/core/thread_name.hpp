#pragma once

#include <pthread.h>

namespace atl {

/// As `top -H` and debuggers show this thread; at most 15 characters.
inline void name_this_thread(const char* name) {
  ::pthread_setname_np(::pthread_self(), name);
}

} // namespace atl
