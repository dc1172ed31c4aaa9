#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

struct elf_symbol {
  std::string name;
  std::uint64_t size = 0; ///< size of the object in bytes
  bool is_data = false;   ///< an object, not a function
};

/// The symbols that a shared library for this machine exports under names with a prefix: those that
/// `dlsym` would find, which stripping leaves alone. Reads the file and maps nothing.
///
/// `boost::dll::library_info` answers the same query but trusts the file: it allocates what a
/// section header claims, and a claim of 2^64 - 1 bytes makes it write out of bounds.
/// @param size of the file, in bytes.
/// @returns `errc::invalid` with the rest of a sentence that begins "is not a plugin: ".
result<std::vector<elf_symbol>> exported_symbols(int file, std::uint64_t size,
                                                 std::string_view prefix);

/// The other libraries that a shared library needs.
struct elf_needs {
  std::vector<std::string> libraries;   ///< `libfoo.so.1`
  std::vector<std::string> search_path; ///< as written, `$ORIGIN/../lib`
};

/// Likewise read from the file.
result<elf_needs> needed_libraries(int file, std::uint64_t size);

} // namespace atl
