#pragma once

/// ATOLL_SANITIZED: 1 if this is compiled for AddressSanitizer or ThreadSanitizer, which bring an
/// allocator of their own.

#if defined(__has_feature)
#define ATOLL_HAS_FEATURE(name) __has_feature(name)
#else
#define ATOLL_HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    ATOLL_HAS_FEATURE(address_sanitizer) || ATOLL_HAS_FEATURE(thread_sanitizer)
#define ATOLL_SANITIZED 1
#else
#define ATOLL_SANITIZED 0
#endif
