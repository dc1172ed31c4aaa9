#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

/// What the fuzz targets share. A target tries bytes, and ends the process if a promise is broken.
namespace fuzzing {

inline void promise(bool kept) {
  if (!kept)
    std::abort();
}

/// Takes the first byte off, by which a target chooses among its decoders.
inline std::uint8_t take_byte(std::string_view& bytes) {
  if (bytes.empty())
    return 0;
  auto byte = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  return byte;
}

/// What is decoded has one encoding only.
template <class Decoded>
void check_one_encoding(const Decoded& decoded, std::string_view bytes) {
  if (decoded)
    promise(encode(*decoded) == bytes);
}

void try_bytes(std::string_view bytes);

} // namespace fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzzing::try_bytes({reinterpret_cast<const char*>(data), size});
  return 0;
}
