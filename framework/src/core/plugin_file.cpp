#include "elf_symbols.hpp"

#include <atoll/core/plugin_file.hpp>
#include <atoll/core/plugin_name.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace atl {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view symbol_prefix = "atoll_plugin__";
constexpr std::string_view own_abi = ATOLL_DETAIL_TEXT(ATOLL_ABI);
constexpr std::array<std::string_view, 3> kind_names = {"balancer", "consensus", "recovery"};

/// A library with debugging information may be large; one of this size is no plugin.
constexpr off_t file_bytes_max = off_t{1} << 30;

std::string reason_of(int error_number) {
  return std::generic_category().message(error_number);
}

/// An open file, closed with the object.
class open_file {
 public:
  // Not blocking, in case the file became a pipe since it was looked at.
  explicit open_file(const fs::path& file)
      : number_{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)} {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() {
    if (number_ >= 0)
      ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

/// `1_2_0` as numbers.
template <std::size_t Count>
std::optional<std::array<std::uint32_t, Count>> parse_numbers(std::string_view text) {
  std::array<std::uint32_t, Count> numbers{};
  for (std::size_t i = 0; i < Count; ++i) {
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (problem != std::errc{})
      return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    bool last = i + 1 == Count;
    if (last ? !text.empty() : !text.starts_with('_'))
      return std::nullopt;
    text.remove_prefix(last ? 0 : 1);
  }
  return numbers;
}

/// What stands before the next `__`; all of it when there is none.
std::string_view take_part(std::string_view& rest) {
  auto end = std::min(rest.find("__"), rest.size());
  auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 2, rest.size()));
  return part;
}

std::optional<std::string> mode_refusal(const struct stat& info) {
  if (!S_ISREG(info.st_mode))
    return "is not a plugin: expected a regular file, found another kind of thing";
  if ((info.st_mode & S_IWOTH) != 0)
    return "may be written by anybody, so anybody could run code here; take that right away "
           "(chmod o-w)";
  if ((info.st_mode & (S_IRUSR | S_IRGRP | S_IROTH)) == 0)
    return "may be read by nobody; grant the right (chmod a+r)";
  if (info.st_size > file_bytes_max)
    return fmt::format("is not a plugin: it has {} bytes, and {} are expected at most",
                       info.st_size, file_bytes_max);
  return std::nullopt;
}

std::string accepted_interfaces() {
  if (ATOLL_SPI_MINOR == 0)
    return fmt::format("{}.0", ATOLL_SPI_MAJOR);
  return fmt::format("{0}.0 to {0}.{1}", ATOLL_SPI_MAJOR, ATOLL_SPI_MINOR);
}

std::optional<std::string> version_refusal(const plugin_identity& plugin) {
  if (plugin.spi_major != ATOLL_SPI_MAJOR || plugin.spi_minor > ATOLL_SPI_MINOR)
    return fmt::format("is built for plugin interface {}.{}, expected {}; build it against this "
                       "version's headers",
                       plugin.spi_major, plugin.spi_minor, accepted_interfaces());
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

std::string_view to_string(spi::plugin_kind kind) {
  auto index = static_cast<std::size_t>(kind);
  return index < kind_names.size() ? kind_names[index] : "unknown";
}

std::optional<spi::plugin_kind> parse_plugin_kind(std::string_view text) {
  auto found = std::find(kind_names.begin(), kind_names.end(), text);
  if (found == kind_names.end())
    return std::nullopt;
  return static_cast<spi::plugin_kind>(found - kind_names.begin());
}

std::optional<plugin_identity> parse_plugin_symbol(std::string_view symbol) {
  if (!symbol.starts_with(symbol_prefix))
    return std::nullopt;
  auto rest = symbol.substr(symbol_prefix.size());
  auto interface = parse_numbers<2>(take_part(rest));
  auto abi = take_part(rest);
  auto kind = parse_plugin_kind(take_part(rest));
  auto version = parse_numbers<3>(take_part(rest));
  if (!interface || abi.empty() || !kind || !version || !is_plugin_name(rest))
    return std::nullopt;
  auto [major, minor, patch] = *version;
  return plugin_identity{*kind,
                         std::string{rest},
                         fmt::format("{}.{}.{}", major, minor, patch),
                         (*interface)[0],
                         (*interface)[1],
                         std::string{abi},
                         std::string{symbol}};
}

plugin_file inspect_plugin(const fs::path& file) {
  plugin_file found{file, std::nullopt, {}};
  auto refuse = [&](std::string_view why) {
    found.refusal = fmt::format("{}: {}", found.path.string(), why);
    return found;
  };
  std::error_code problem;
  auto canonical = fs::canonical(file, problem);
  if (problem)
    return refuse("can't be read: " + problem.message());
  found.path = canonical;

  // Looked at before it is opened: opening a device may do something.
  struct stat info {};
  if (::stat(canonical.c_str(), &info) != 0)
    return refuse("can't be read: " + reason_of(errno));
  if (auto why = mode_refusal(info))
    return refuse(*why);
  open_file opened{canonical};
  if (opened.number() < 0 || ::fstat(opened.number(), &info) != 0)
    return refuse("can't be read: " + reason_of(errno));
  if (auto why = mode_refusal(info))
    return refuse(*why);

  auto size = static_cast<std::uint64_t>(info.st_size);
  auto symbol = read_symbol(opened.number(), size);
  if (!symbol)
    return refuse(symbol.error().message);
  found.identity = parse_plugin_symbol(symbol->name);
  if (!found.identity)
    return refuse(fmt::format("exports {}, expected a name as ATOLL_PLUGIN makes it, of a known "
                              "kind and with a name of the form [a-z][a-z0-9_]*",
                              symbol->name.substr(0, 256)));
  if (auto why = version_refusal(*found.identity))
    return refuse(*why);
  if (!symbol->is_data || symbol->size != sizeof(spi::descriptor))
    return refuse(fmt::format("exports a descriptor of {} bytes, expected data of {}", symbol->size,
                              sizeof(spi::descriptor)));
  // A link may lead out of the folder that was searched.
  if (auto why = folder_refusal(canonical.parent_path()))
    found.refusal = *why;
  return found;
}

std::optional<std::string> folder_refusal(const fs::path& folder) {
  auto refusal = [&](std::string_view why) { return fmt::format("{}: {}", folder.string(), why); };
  if (!folder.is_absolute())
    return refusal("a folder of plugins is an absolute path");
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0)
    return refusal("can't be searched for plugins: " + reason_of(errno));
  if (!S_ISDIR(info.st_mode))
    return refusal("can't be searched for plugins: it is not a folder");
  if ((info.st_mode & S_IWOTH) != 0)
    return refusal(
        "the folder may be written by anybody, so anybody could run code here; take that "
        "right away (chmod o-w)");
  return std::nullopt;
}

} // namespace atl
