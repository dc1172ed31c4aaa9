#pragma once

/// Before a function with a loop over all members: compiled twice, for any processor and for those
/// that compute eight numbers at a time. The library chooses when it is loaded. Both give the same
/// results to the last bit, because AVX2 has no instruction that rounds otherwise. What the loop
/// calls must be inlined into the function: `ATOLL_INLINE` before it.
///
/// Sanitizers can't run the code that chooses, and other compilers know it less well: they get the
/// function once.
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) &&                        \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ATOLL_VECTOR_CLONES [[gnu::target_clones("avx2", "default")]]
#else
#define ATOLL_VECTOR_CLONES
#endif

#define ATOLL_INLINE [[gnu::always_inline]] inline
