#pragma once

#include <atoll/spi/random.hpp>
#include <atoll/spi/recovery.hpp>

#include <memory>
#include <string>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(recovery, reed_solomon, 1, 0, 0);

namespace subject {

inline constexpr std::size_t cell = std::size_t{64} << 10;

inline const atl::spi::descriptor& plugin() {
  return ATOLL_PLUGIN_SYMBOL(recovery, reed_solomon, 1, 0, 0);
}

/// Creates the scheme with these options as a host does.
inline std::unique_ptr<atl::spi::recovery> scheme(std::int64_t k = 4, std::int64_t m = 2,
                                                  std::int64_t min_write = 0,
                                                  std::int64_t per_zone = 0) {
  atl::spi::options options{{{"k", k}, {"m", m}, {"min_write", min_write}, {"per_zone", per_zone}}};
  return std::unique_ptr<atl::spi::recovery>{plugin().create.recovery({options})};
}

/// The same bytes for the same seed, in any release: files of the corpus depend on them.
inline std::string content(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  auto state = seed * 0x9e3779b97f4a7c15 + 1;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

} // namespace subject
