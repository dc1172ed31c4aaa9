#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace atl {

/// The hash of a row's key, for tables that are searched by a view of a key.
struct key_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};

} // namespace atl
