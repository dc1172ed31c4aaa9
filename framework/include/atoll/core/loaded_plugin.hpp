#pragma once

#include <atoll/core/config_value.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/plugin_file.hpp>
#include <atoll/spi/balancer.hpp>
#include <atoll/spi/consensus.hpp>
#include <atoll/spi/plugin.hpp>
#include <atoll/spi/plugin_finder.hpp>
#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace atl {

/// Called with the path of a library before any code of the library runs: a library that crashes
/// while it loads can't be named afterwards.
using load_observer = std::function<void(const std::filesystem::path& library)>;

/// A loaded plugin. Immutable and thread-safe. The objects that it creates keep its library loaded,
/// so they may outlive the plugin.
class plugin {
 public:
  spi::plugin_kind kind() const { return descriptor_->kind; }
  std::string_view name() const { return descriptor_->name; }
  std::string_view version() const { return descriptor_->version; }
  const std::filesystem::path& file() const { return file_; }
  const spi::descriptor& descriptor() const { return *descriptor_; }
  std::span<const spi::option_spec> options() const;
  std::span<const spi::claim> claims() const;

  /// For messages: `consensus plugin 'raft'`.
  std::string title() const;

  /// The claim's value; empty when the plugin doesn't make it.
  std::string_view claim(std::string_view name) const;

  /// The complete options from what the operator wrote, as `atl::check_options` says. With them
  /// the plugin finds others, as it does with the options of all objects that are created below.
  result<spi::options> check_options(const config_table& written) const;
  /// The same from a command line's `key=value` texts.
  result<spi::options> parse_options(std::span<const std::string> assignments) const;

  /// A new balancer; the same seed gives the same picks. An error that names the plugin if the
  /// plugin is of another kind, if its factory throws (with the exception's text), or if it returns
  /// null. Exceptions of the created object are not caught here.
  /// @param options complete, as `check_options` gives them.
  result<std::shared_ptr<spi::balancer>> create_balancer(const spi::options& options,
                                                         std::uint64_t seed) const;

  /// A new replica of a protocol, likewise. `setup.options` is copied.
  result<std::shared_ptr<spi::consensus>> create_consensus(const spi::consensus_setup& setup) const;

  /// A new recovery scheme, likewise.
  result<std::shared_ptr<spi::recovery>> create_recovery(const spi::options& options) const;

 private:
  friend result<std::shared_ptr<const plugin>>
  open_plugin(const plugin_file& file, const load_observer& observer,
              const std::vector<std::filesystem::path>& search_path);
  plugin(std::shared_ptr<const void> library, const spi::descriptor& descriptor,
         std::filesystem::path file, std::shared_ptr<const spi::plugin_finder> others);
  result<spi::options> with_others(result<spi::options> checked) const;

  std::shared_ptr<const void> library_;
  const spi::descriptor* descriptor_;
  std::filesystem::path file_;
  std::shared_ptr<const spi::plugin_finder> others_; ///< finds plugins that options name
};

/// Maps a private copy of a plugin that `inspect_plugin` did not refuse, judges that copy again,
/// and checks that its descriptor keeps what its symbol promised. The first code of the plugin to
/// run is its static initializers.
/// @param observer is called before these run, unless it is empty.
/// @param search_path where the plugin finds others that its options name; empty: in its own folder
result<std::shared_ptr<const plugin>>
open_plugin(const plugin_file& file, const load_observer& observer = {},
            const std::vector<std::filesystem::path>& search_path = {});

} // namespace atl
