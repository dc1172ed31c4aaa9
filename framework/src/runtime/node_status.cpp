#include <atoll/runtime/node_status.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/spi/codec.hpp>

namespace atl::runtime {

namespace {

constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t text_bytes_max = 64 << 10;

} // namespace

std::string_view to_string(health which) {
  constexpr std::string_view names[] = {"waiting", "serving", "impaired", "failed"};
  return names[static_cast<std::size_t>(which)];
}

std::string encode(const node_status& status) {
  spi::writer out;
  out.put(status.name).put(status.cluster).put(status.address);
  out.put(static_cast<std::uint32_t>(status.roles.size()));
  for (auto& it : status.roles)
    out.put(it.role).put(it.health).put(std::string_view{it.text}.substr(0, text_bytes_max));
  return out.take();
}

result<node_status> decode_node_status(std::string_view bytes) {
  spi::reader in{bytes};
  node_status status;
  status.name = in.get_string(name_bytes_max);
  status.cluster = in.get_string(name_bytes_max);
  status.address = in.get_string(name_bytes_max);
  auto count = in.get_count(9);
  if (count > roles_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto& it = status.roles.emplace_back();
    it.role = in.get_string(role_name_bytes_max);
    it.health = in.get_enum(health_last);
    it.text = in.get_string(text_bytes_max);
  }
  if (!in.done())
    return fail(errc::corrupt, "a node's status that can't be read");
  return status;
}

std::string encode(const std::vector<plugin_entry>& inventory) {
  spi::writer out;
  out.put(static_cast<std::uint32_t>(inventory.size()));
  for (auto& it : inventory)
    out.put(it.kind).put(it.name).put(it.version).put(it.interface).put(it.sha256);
  return out.take();
}

result<std::vector<plugin_entry>> decode_inventory(std::string_view bytes) {
  spi::reader in{bytes};
  std::vector<plugin_entry> inventory;
  auto count = in.get_count(20);
  if (count > inventory_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto& it = inventory.emplace_back();
    for (auto* text : {&it.kind, &it.name, &it.version, &it.interface, &it.sha256})
      *text = in.get_string(name_bytes_max);
  }
  if (!in.done())
    return fail(errc::corrupt, "a node's inventory that can't be read");
  return inventory;
}

} // namespace atl::runtime
