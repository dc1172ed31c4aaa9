#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace atl::spi {

class plugin_finder;

/// What a declared option may hold, and how it is written in TOML.
enum class option_type : std::uint32_t {
  boolean,  ///< `true`, `false`
  integer,  ///< `3`
  real,     ///< `0.5`
  text,     ///< `"any"`
  duration, ///< `"150ms"`, `"2s"` (us, ms, s, m, h); handed to the plugin in microseconds
  size,     ///< `4096`, `"64KiB"`, `"8MiB"` (B, KiB, MiB, GiB); handed over in bytes
};

/// Whether the members of a group must agree on the value of an option of their consensus plugin.
/// Options of other kinds of plugins are never compared this way, and their scope has no effect.
enum class option_scope : std::uint32_t {
  /// All members must have the same value; members with different values refuse each other. The
  /// default, because a wrong refusal is seen at once, and wrongly differing members lose data.
  group,
  /// Each member may have its own value, and one member may be restarted with another one while the
  /// others run: timeouts, sizes of batches, what only the member itself keeps.
  member,
};

/// One option that a plugin understands. The host checks the configuration against it before the
/// plugin sees anything: a plugin never gets an unknown key, another type or a value out of range.
struct option_spec {
  const char* name;          ///< `[a-z][a-z0-9_]*`
  option_type type;          ///< decides how the other texts are read
  const char* default_value; ///< as written in TOML, without quotes: `"150ms"`, `"3"`, `"true"`
  const char* minimum;       ///< smallest value taken, written likewise; empty: no bound
  const char* maximum; ///< largest value taken; for text the choices, as `"a|b|c"`; empty: any
  const char* meaning; ///< one sentence for `atoll plugin show`
  option_scope scope = option_scope::group; ///< only of consensus plugins
};

/// `integer`, `duration` (microseconds) and `size` (bytes) are `std::int64_t`.
using option_value = std::variant<bool, std::int64_t, double, std::string>;

/// The options of one plugin, complete: what the configuration leaves out has its default.
class options {
 public:
  options() = default;
  explicit options(std::map<std::string, option_value, std::less<>> values)
      : values_{std::move(values)} {}

  /// @throws std::out_of_range for an option that the plugin's descriptor doesn't declare, and
  ///         std::bad_variant_access for one declared with another type: errors of the plugin.
  template <class T>
  const T& get(std::string_view name) const {
    auto found = values_.find(name);
    if (found == values_.end())
      throw std::out_of_range("no such option: " + std::string{name});
    return std::get<T>(found->second);
  }

  bool boolean(std::string_view name) const { return get<bool>(name); }
  std::int64_t integer(std::string_view name) const { return get<std::int64_t>(name); }
  double real(std::string_view name) const { return get<double>(name); }
  const std::string& text(std::string_view name) const { return get<std::string>(name); }

  const std::map<std::string, option_value, std::less<>>& values() const { return values_; }

  /// Finds the plugins that options name (`plugin_finder.hpp`); null: the host knows no others.
  const plugin_finder* plugins() const { return plugins_.get(); }

  // For hosts, not for plugins.
  void set_plugins(std::shared_ptr<const plugin_finder> plugins) { plugins_ = std::move(plugins); }
  /// A copy in which one option has another value.
  options with(std::string_view name, option_value value) const {
    auto changed = *this;
    changed.values_.insert_or_assign(std::string{name}, std::move(value));
    return changed;
  }

  /// Who finds plugins isn't compared.
  friend bool operator==(const options& a, const options& b) { return a.values_ == b.values_; }

 private:
  std::map<std::string, option_value, std::less<>> values_;
  std::shared_ptr<const plugin_finder> plugins_;
};

} // namespace atl::spi
