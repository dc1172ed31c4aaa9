#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/toml_config.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace atl::node {

/// The longest name of a cluster, of a node, or of a zone.
inline constexpr std::size_t name_bytes_max = 64;

/// Is it `0.0.0.0`, `::` or another notation for all addresses of a machine?
bool is_any_address(const std::string& host);

/// Collects what is wrong with a configuration beyond types and ranges, so that an operator sees
/// all mistakes at once, each with its `file:line:column`. Not thread-safe.
class config_errors {
 public:
  /// @param config must outlive this object
  explicit config_errors(const atl::config& config) : config_{config} {}

  /// @param key the key whose value is wrong; `what` is the rest of the sentence
  void add(const std::string& key, std::string_view what);
  /// A problem with a file that the key names, or that is used because the key isn't written.
  void add_of_file(const std::string& key, std::string_view what);

  /// A name: 1 to `name_bytes_max` letters, digits, `-`, `_` and `.`.
  void check_name(const std::string& key);
  /// `host:port`.
  endpoint check_endpoint(const std::string& key);
  /// An address to listen on. @param otherwise the address when the key isn't set
  endpoint check_listen(const std::string& key, endpoint otherwise);
  /// An address that others connect to. @param listen_key the key that may have an address of all
  /// interfaces
  endpoint check_reachable(const std::string& key, std::string_view listen_key);

  /// All mistakes, a line each; success if there was none.
  status finish() const;
  template <class T>
  result<T> finish(T value) const {
    if (auto fine = finish(); !fine)
      return tl::unexpected{fine.error()};
    return value;
  }

 private:
  const atl::config& config_;
  std::string text_;
};

} // namespace atl::node
