#pragma once

#include <atoll/spi/recovery.hpp>

#include <memory>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0);

namespace subject {

inline constexpr auto ok = atl::spi::fragment_state::ok;
inline constexpr auto missing = atl::spi::fragment_state::missing;
inline constexpr auto corrupt = atl::spi::fragment_state::corrupt;
inline constexpr auto unreachable = atl::spi::fragment_state::unreachable;

inline const atl::spi::descriptor& plugin() {
  return ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0);
}

/// Creates the scheme with these options as a host does.
inline std::unique_ptr<atl::spi::recovery> scheme(std::int64_t copies = 3,
                                                  std::int64_t min_copies = 0) {
  atl::spi::options options{{{"copies", copies}, {"min_copies", min_copies}}};
  return std::unique_ptr<atl::spi::recovery>{plugin().create.recovery({options})};
}

} // namespace subject
