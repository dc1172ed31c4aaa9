#pragma once

/// The version of the descriptor that all plugins export (`kinds.hpp` has the version of each
/// kind's interface), and the fingerprint of the binary interface that a plugin is compiled to.
/// Both are part of the name of the one symbol that a plugin exports, so that a host can refuse a
/// plugin by looking at its symbol table, before any of its code is mapped.

/// The version of `descriptor`, of what it refers to, and of the symbol's name: must be equal.
/// Plugins with an older version must be rebuilt: the first version had one number for all kinds
/// (`atoll_plugin__1_1__…`), the second one had neither protocol versions nor scopes of options.
#define ATOLL_DESCRIPTOR_VERSION 3

#include <version>

#define ATOLL_DETAIL_PASTE_2(a, b) a##_##b
#define ATOLL_DETAIL_PASTE(a, b) ATOLL_DETAIL_PASTE_2(a, b)
#define ATOLL_DETAIL_TEXT_2(a) #a
#define ATOLL_DETAIL_TEXT(a) ATOLL_DETAIL_TEXT_2(a)

#if defined(__GNUC__)
#define ATOLL_ABI_COMPILER gnu // GCC and Clang lay out classes and virtual tables alike.
#else
#error "Atoll plugins are compiled with GCC or Clang"
#endif

#if defined(_LIBCPP_VERSION)
#define ATOLL_ABI_LIBRARY libcxx
#elif defined(__GLIBCXX__) || defined(_GLIBCXX_RELEASE)
#define ATOLL_ABI_LIBRARY libstdcxx
#else
#error "Atoll plugins are compiled with libstdc++ or libc++"
#endif

#if defined(_GLIBCXX_DEBUG)
#define ATOLL_ABI_STRINGS debug
#elif defined(_GLIBCXX_USE_CXX11_ABI) && !_GLIBCXX_USE_CXX11_ABI
#define ATOLL_ABI_STRINGS cxx98
#else
#define ATOLL_ABI_STRINGS cxx11
#endif

/// The fingerprint as a token, of the compiler family, the standard library and the layout of its
/// types: `gnu_libstdcxx_cxx11`.
#define ATOLL_ABI                                                                                  \
  ATOLL_DETAIL_PASTE(ATOLL_DETAIL_PASTE(ATOLL_ABI_COMPILER, ATOLL_ABI_LIBRARY), ATOLL_ABI_STRINGS)
