#include "plugin_descriptor.hpp"

#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>

namespace atl {

namespace {

/// More than any plugin declares; a larger number means that the memory holds something else.
constexpr std::size_t declarations_max = 256;

tl::unexpected<error> wrong(std::string message) {
  return fail(errc::refused, std::move(message));
}

status check_layout(const spi::descriptor& descriptor) {
  if (descriptor.magic != spi::descriptor::expected_magic)
    return wrong(fmt::format("its descriptor begins with {:#x}, expected {:#x}", descriptor.magic,
                             spi::descriptor::expected_magic));
  if (descriptor.size != sizeof(spi::descriptor))
    return wrong(fmt::format("its descriptor has {} bytes, expected {}", descriptor.size,
                             sizeof(spi::descriptor)));
  if (descriptor.layout != ATOLL_DESCRIPTOR_VERSION)
    return wrong(fmt::format("its descriptor says version {} of itself, its symbol {}",
                             descriptor.layout, ATOLL_DESCRIPTOR_VERSION));
  return {};
}

status check_identity(const spi::descriptor& descriptor, const plugin_identity& promised) {
  struct {
    std::string_view what;
    const char* said;
    std::string_view expected;
  } const names[] = {{"binary interface", descriptor.abi, promised.abi},
                     {"name", descriptor.name, promised.name},
                     {"version", descriptor.version, promised.version}};
  for (auto& [what, said, expected] : names)
    if (!said || said != expected)
      return wrong(fmt::format("its descriptor says {} '{}', its symbol '{}'", what,
                               said ? said : "", expected));
  if (descriptor.kind != promised.kind)
    return wrong(fmt::format("its descriptor says kind '{}', its symbol '{}'",
                             to_string(descriptor.kind), to_string(promised.kind)));
  if (descriptor.interface != promised.interface)
    return wrong(fmt::format("its descriptor says {} interface {}.{}, its symbol {}.{}",
                             to_string(promised.kind), descriptor.interface.major,
                             descriptor.interface.minor, promised.interface.major,
                             promised.interface.minor));
  if (!descriptor.summary || !descriptor.licence)
    return wrong("its descriptor lacks a summary or a licence");
  return {};
}

bool has_creator(const spi::descriptor& descriptor) {
  switch (descriptor.kind) {
#define ATOLL_KIND(kind, folder)                                                                   \
  case spi::plugin_kind::kind:                                                                     \
    return descriptor.create.kind != nullptr;
    ATOLL_PLUGIN_KINDS(ATOLL_KIND)
#undef ATOLL_KIND
  }
  return false;
}

status check_creator(const spi::descriptor& descriptor) {
  if (has_creator(descriptor))
    return {};
  return wrong(fmt::format("its descriptor lacks the function that creates a {} plugin",
                           to_string(descriptor.kind)));
}

status check_protocol(const spi::descriptor& descriptor) {
  auto versions = descriptor.protocol_versions;
  if (descriptor.kind != spi::plugin_kind::consensus ||
      (versions.min >= 1 && versions.min <= versions.max))
    return {};
  return wrong(fmt::format("its descriptor says protocol versions {} to {}, expected a range of "
                           "numbers from 1 on",
                           versions.min, versions.max));
}

status check_lists(const spi::descriptor& descriptor) {
  auto is_list = [](auto list) {
    return list.size() <= declarations_max && (list.empty() || list.data());
  };
  if (!is_list(descriptor.claims) || !is_list(descriptor.options))
    return wrong(
        fmt::format("its descriptor has {} claims and {} options, expected lists of at most "
                    "{}",
                    descriptor.claims.size(), descriptor.options.size(), declarations_max));
  for (auto& claim : descriptor.claims)
    if (!claim.name || !claim.value)
      return wrong("its descriptor has a claim without a name or a value");
  if (auto fine = check_declarations(descriptor.options); !fine)
    return wrong("its descriptor is wrong: " + fine.error().message);
  return {};
}

} // namespace

status check_descriptor(const spi::descriptor& descriptor, const plugin_identity& promised) {
  return check_layout(descriptor)
      .and_then([&] { return check_identity(descriptor, promised); })
      .and_then([&] { return check_creator(descriptor); })
      .and_then([&] { return check_protocol(descriptor); })
      .and_then([&] { return check_lists(descriptor); });
}

} // namespace atl
