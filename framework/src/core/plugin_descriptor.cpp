#include "plugin_descriptor.hpp"

#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>

#include <span>

namespace atl {

namespace {

/// More than any plugin declares; a larger number means that something else stands there.
constexpr std::size_t declarations_max = 256;

tl::unexpected<error> wrong(std::string message) {
  return fail(errc::refused, std::move(message));
}

status check_layout(const spi::descriptor& descriptor, const plugin_identity& promised) {
  if (descriptor.magic != spi::descriptor::expected_magic)
    return wrong(fmt::format("its descriptor begins with {:#x}, expected {:#x}", descriptor.magic,
                             spi::descriptor::expected_magic));
  if (descriptor.size != sizeof(spi::descriptor))
    return wrong(fmt::format("its descriptor has {} bytes, expected {}", descriptor.size,
                             sizeof(spi::descriptor)));
  if (descriptor.spi_major != promised.spi_major || descriptor.spi_minor != promised.spi_minor)
    return wrong(fmt::format("its descriptor says plugin interface {}.{}, its symbol {}.{}",
                             descriptor.spi_major, descriptor.spi_minor, promised.spi_major,
                             promised.spi_minor));
  return {};
}

status check_names(const spi::descriptor& descriptor, const plugin_identity& promised) {
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
  if (!descriptor.summary || !descriptor.licence)
    return wrong("its descriptor lacks a summary or a licence");
  return {};
}

status check_factory(const spi::descriptor& descriptor) {
  using enum spi::plugin_kind;
  bool fine = (descriptor.create_balancer != nullptr) == (descriptor.kind == balancer) &&
              (descriptor.create_consensus != nullptr) == (descriptor.kind == consensus) &&
              (descriptor.create_recovery != nullptr) == (descriptor.kind == recovery);
  if (fine)
    return {};
  return wrong(fmt::format("its descriptor must set create_{} and no other factory",
                           to_string(descriptor.kind)));
}

status check_lists(const spi::descriptor& descriptor) {
  if (descriptor.claim_count > declarations_max || descriptor.option_count > declarations_max ||
      (descriptor.claim_count != 0 && !descriptor.claims) ||
      (descriptor.option_count != 0 && !descriptor.options))
    return wrong(
        fmt::format("its descriptor has {} claims and {} options, expected lists of at most "
                    "{}",
                    descriptor.claim_count, descriptor.option_count, declarations_max));
  for (auto& claim : std::span{descriptor.claims, descriptor.claim_count})
    if (!claim.name || !claim.value)
      return wrong("its descriptor has a claim without a name or a value");
  if (auto fine = check_declarations({descriptor.options, descriptor.option_count}); !fine)
    return wrong("its descriptor is wrong: " + fine.error().message);
  return {};
}

} // namespace

status check_descriptor(const spi::descriptor& descriptor, const plugin_identity& promised) {
  return check_layout(descriptor, promised)
      .and_then([&] { return check_names(descriptor, promised); })
      .and_then([&] { return check_factory(descriptor); })
      .and_then([&] { return check_lists(descriptor); });
}

} // namespace atl
