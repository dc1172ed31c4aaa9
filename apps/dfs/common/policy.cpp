#include "common/policy.hpp"

#include <bit>

namespace dfs {

namespace {

constexpr std::size_t plugin_name_bytes_max = 256;
constexpr std::size_t option_text_bytes_max = 4096;
constexpr std::size_t options_max = 256;

} // namespace

void write(atl::spi::writer& out, const atl::spi::options& options) {
  auto& values = options.values();
  out.put(static_cast<std::uint32_t>(values.size()));
  for (auto& [key, value] : values) {
    out.put(key).put(static_cast<std::uint8_t>(value.index()));
    if (auto* flag = std::get_if<bool>(&value))
      out.put(*flag);
    else if (auto* number = std::get_if<std::int64_t>(&value))
      out.put(*number);
    else if (auto* real = std::get_if<double>(&value))
      out.put(std::bit_cast<std::uint64_t>(*real));
    else
      out.put(std::get<std::string>(value));
  }
}

void read(atl::spi::reader& in, atl::spi::options& options) {
  std::map<std::string, atl::spi::option_value, std::less<>> values;
  auto count = in.get_count();
  if (count > options_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto key = in.get_string(plugin_name_bytes_max);
    if (!values.empty() && key <= values.rbegin()->first)
      in.fail(); // out of order, or twice: there is one encoding only
    switch (in.get<std::uint8_t>()) {
    case 0:
      values[key] = in.get<bool>();
      break;
    case 1:
      values[key] = in.get<std::int64_t>();
      break;
    case 2:
      values[key] = std::bit_cast<double>(in.get<std::uint64_t>());
      break;
    case 3:
      values[key] = in.get_string(option_text_bytes_max);
      break;
    default:
      in.fail();
    }
  }
  options = atl::spi::options{std::move(values)};
}

bool is_stored_alike(const policy& one, const policy& other) {
  return one.recovery == other.recovery && one.encoding == other.encoding &&
         one.recovery_options == other.recovery_options;
}

void write(atl::spi::writer& out, const policy& value) {
  out.put(value.recovery).put(value.encoding);
  write(out, value.recovery_options);
  out.put(value.placement);
  write(out, value.placement_options);
  out.put(value.durability).put(value.chunk_bytes);
  for (auto number : {value.fragments, value.fragments_min, value.survives_losses,
                      value.storage_cost, value.inline_bytes_max})
    out.put(number);
  out.put(value.trash_us);
}

void read(atl::spi::reader& in, policy& value) {
  value.recovery = in.get_string(plugin_name_bytes_max);
  value.encoding = in.get_string(plugin_name_bytes_max);
  read(in, value.recovery_options);
  value.placement = in.get_string(plugin_name_bytes_max);
  read(in, value.placement_options);
  value.durability = in.get_enum(durability_last);
  value.chunk_bytes = in.get<std::uint64_t>();
  for (auto* number : {&value.fragments, &value.fragments_min, &value.survives_losses,
                       &value.storage_cost, &value.inline_bytes_max})
    *number = in.get<std::uint32_t>();
  value.trash_us = in.get<std::uint64_t>();
}

} // namespace dfs
