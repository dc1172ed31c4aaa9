#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What any node says about itself to one who asks (`message_kind::status` and `inventory`).
namespace atl::runtime {

enum class health : std::uint8_t {
  waiting, ///< it starts, or belongs to no group yet
  serving,
  impaired, ///< it serves, and something needs an operator
  failed,
};
inline constexpr health health_last = health::failed;

/// `waiting`, `serving`, `impaired`, `failed`.
std::string_view to_string(health which);

struct role_status {
  std::string role;
  runtime::health health = health::waiting;
  std::string text; ///< the role's own words: why it isn't well, what it is working on
};

struct node_status {
  std::string name;
  std::string cluster;
  std::string address; ///< where it listens
  std::vector<role_status> roles;
};
std::string encode(const node_status& status);
/// Reads hostile bytes. Error: corrupt.
result<node_status> decode_node_status(std::string_view bytes);

/// A plugin that a node has loaded.
struct plugin_entry {
  std::string kind; ///< `consensus`, `balancer`, `recovery`
  std::string name;
  std::string version;
  std::string interface; ///< version of the interface of its kind, `2.0`
  std::string sha256;    ///< of the library's file, 64 hexadecimal digits
};
std::string encode(const std::vector<plugin_entry>& inventory);
/// Reads hostile bytes. Error: corrupt.
result<std::vector<plugin_entry>> decode_inventory(std::string_view bytes);

} // namespace atl::runtime
