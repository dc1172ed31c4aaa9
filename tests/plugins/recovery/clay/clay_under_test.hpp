#pragma once

#include "../common/encoded_chunks.hpp"

#include <atoll/spi/recovery.hpp>

#include <memory>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(recovery, clay, 1, 0, 0);

namespace subject {

inline constexpr std::size_t layer_piece = std::size_t{64} << 10; ///< the longest, of one layer

inline const atl::spi::descriptor& plugin() {
  return ATOLL_PLUGIN_SYMBOL(recovery, clay, 1, 0, 0);
}

/// Creates the scheme with these options as a host does.
inline std::unique_ptr<atl::spi::recovery> scheme(std::int64_t k = 4, std::int64_t m = 2,
                                                  std::int64_t min_write = 0,
                                                  std::int64_t per_zone = 0) {
  atl::spi::options options{{{"k", k}, {"m", m}, {"min_write", min_write}, {"per_zone", per_zone}}};
  return std::unique_ptr<atl::spi::recovery>{plugin().create.recovery({options})};
}

} // namespace subject
