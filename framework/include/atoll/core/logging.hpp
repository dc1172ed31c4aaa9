#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

/// Structured log lines on standard error:
///
///     2026-01-31T12:00:00.123Z level=info node=master-1 role=master peer=master-2 msg="connected"
///
/// Thread-safe after `start`.
namespace atl::log {

enum class level : std::uint8_t { debug, info, warning, error };

/// Sets the node's name and the lowest level that is logged. Call once, before any thread is
/// started.
void start(std::string node, level least);

void write(level at, std::string_view role, std::string_view peer, std::string_view message);
bool enabled(level at);

template <class... Ts>
void debug(std::string_view role, std::string_view peer, fmt::format_string<Ts...> text,
           Ts&&... args) {
  if (enabled(level::debug))
    write(level::debug, role, peer, fmt::format(text, std::forward<Ts>(args)...));
}
template <class... Ts>
void info(std::string_view role, std::string_view peer, fmt::format_string<Ts...> text,
          Ts&&... args) {
  if (enabled(level::info))
    write(level::info, role, peer, fmt::format(text, std::forward<Ts>(args)...));
}
template <class... Ts>
void warning(std::string_view role, std::string_view peer, fmt::format_string<Ts...> text,
             Ts&&... args) {
  write(level::warning, role, peer, fmt::format(text, std::forward<Ts>(args)...));
}
template <class... Ts>
void error(std::string_view role, std::string_view peer, fmt::format_string<Ts...> text,
           Ts&&... args) {
  write(level::error, role, peer, fmt::format(text, std::forward<Ts>(args)...));
}

} // namespace atl::log
