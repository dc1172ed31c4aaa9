#include "plugin_bytes.hpp"

#include "elf_symbols.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace atl {

namespace {

constexpr std::string_view symbol_prefix = "atoll_plugin__";
constexpr std::string_view own_abi = ATOLL_DETAIL_TEXT(ATOLL_ABI);

/// A library with debugging information may be large; one of this size is no plugin.
constexpr off_t file_bytes_max = off_t{1} << 30;

tl::unexpected<error> cannot_be_read(int error_number) {
  return fail(errc::io, "can't be read: " + std::generic_category().message(error_number));
}

std::optional<std::string> mode_refusal(const struct stat& info) {
  if (!S_ISREG(info.st_mode))
    return "is not a plugin: expected a regular file, found another kind of thing";
  if ((info.st_mode & S_IWOTH) != 0)
    return "may be written by anybody, so anybody could run code here; take that right away "
           "(chmod o-w)";
  if ((info.st_mode & (S_IRUSR | S_IRGRP | S_IROTH)) == 0)
    return "can be read by no user; grant the right (chmod a+r)";
  if (info.st_size > file_bytes_max)
    return fmt::format("is not a plugin: it has {} bytes, and {} are expected at most",
                       info.st_size, file_bytes_max);
  return std::nullopt;
}

std::string accepted_interfaces(spi::interface_version own) {
  if (own.minor == 0)
    return fmt::format("{}.0", own.major);
  return fmt::format("{0}.0 to {0}.{1}", own.major, own.minor);
}

std::optional<std::string> version_refusal(const plugin_identity& plugin) {
  auto own = spi::interface_of(plugin.kind);
  if (plugin.interface.major != own.major || plugin.interface.minor > own.minor)
    return fmt::format("is built for {} interface {}.{}, expected {}; build it against this "
                       "version's headers",
                       to_string(plugin.kind), plugin.interface.major, plugin.interface.minor,
                       accepted_interfaces(own));
  if (plugin.abi != own_abi)
    return fmt::format(
        "is built for the binary interface {}, expected {}; build it with a compiler "
        "and a standard library of that kind",
        plugin.abi, own_abi);
  return std::nullopt;
}

/// The one symbol of a plugin, or why there isn't exactly one.
result<elf_symbol> read_symbol(int file, std::uint64_t size) {
  auto symbols = exported_symbols(file, size, symbol_prefix);
  if (!symbols)
    return fail(symbols.error(), "is not a plugin");
  if (symbols->empty())
    return fail(errc::invalid, fmt::format("is not a plugin: expected one exported symbol {}…, "
                                           "found none",
                                           symbol_prefix));
  if (symbols->size() > 1)
    return fail(errc::invalid,
                fmt::format("holds {} plugins, expected one: {} and {}", symbols->size(),
                            (*symbols)[0].name, (*symbols)[1].name));
  return std::move(symbols->front());
}

} // namespace

file_descriptor::~file_descriptor() {
  if (number_ >= 0)
    ::close(number_);
}

result<opened_plugin> open_plugin_bytes(const std::filesystem::path& file) {
  opened_plugin opened;
  // The type is checked before the file is opened, because opening a device may have effects.
  if (::stat(file.c_str(), &opened.info) != 0)
    return cannot_be_read(errno);
  if (auto why = mode_refusal(opened.info))
    return fail(errc::refused, *why);
  // Non-blocking, in case the file was replaced by a pipe since the check.
  opened.file = file_descriptor{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (opened.file.number() < 0 || ::fstat(opened.file.number(), &opened.info) != 0)
    return cannot_be_read(errno);
  if (auto why = mode_refusal(opened.info))
    return fail(errc::refused, *why);
  return opened;
}

plugin_judgement judge_plugin_bytes(int file, std::uint64_t size) {
  auto symbol = read_symbol(file, size);
  if (!symbol)
    return {std::nullopt, symbol.error().message};
  auto identity = parse_plugin_symbol(symbol->name);
  if (!identity)
    return {std::nullopt, identity.error().message};
  if (auto why = version_refusal(*identity))
    return {*identity, *why};
  if (!symbol->is_data || symbol->size != sizeof(spi::descriptor))
    return {*identity, fmt::format("exports a descriptor of {} bytes, expected data of {}",
                                   symbol->size, sizeof(spi::descriptor))};
  return {*identity, {}};
}

} // namespace atl
