#pragma once

#include <atoll/core/error.hpp>
#include <atoll/spi/plugin.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

/// `balancer`, `consensus`, …
std::string_view to_string(spi::plugin_kind kind);
/// The names of all kinds, in the order of `spi::plugin_kind`.
std::vector<std::string> plugin_kind_names();
std::optional<spi::plugin_kind> parse_plugin_kind(std::string_view text);

/// What the name of a plugin's one symbol says about it.
struct plugin_identity {
  spi::plugin_kind kind = spi::plugin_kind::balancer;
  std::string name;
  std::string version;              ///< `1.2.0`
  spi::interface_version interface; ///< of the kind's interface
  std::string abi;
  std::string symbol; ///< the symbol itself
};

/// The symbol's parts (`spi/plugin.hpp` says how it is made up). The error's message is the rest of
/// a sentence that begins with the file: the symbol is that of a descriptor of another version
/// (`errc::refused`), or no such symbol.
result<plugin_identity> parse_plugin_symbol(std::string_view symbol);

/// A file that was examined, whether or not it is a plugin.
struct plugin_file {
  std::filesystem::path path;              ///< canonical, where the file exists
  std::optional<plugin_identity> identity; ///< none when it isn't even a plugin
  std::string refusal; ///< why it may not be loaded, with the path in front; empty: it may
};

/// Judges a file by its mode and its symbol table; none of its code is mapped or run. Refused are
/// files that aren't regular, can't be read, or are writable by others (also if their folder is);
/// files that aren't shared libraries for this machine with exactly one plugin symbol; and plugins
/// with another version of the descriptor, of their kind's interface or of the binary interface
/// than those of this program. The file may be hostile.
plugin_file inspect_plugin(const std::filesystem::path& file);

/// Why a folder may not be searched for plugins; none if it may.
std::optional<std::string> folder_refusal(const std::filesystem::path& folder);

} // namespace atl
