#include "namespace/path.hpp"

#include "namespace/namespace_limits.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

using atl::errc;
using atl::fail;

namespace {

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

/// Why a name is invalid; empty if it is valid.
std::string_view fault_of(std::string_view name) {
  if (name.empty())
    return "has an empty name in it (two slashes in a row)";
  if (name == "." || name == "..")
    return "must be written without '.' and '..'";
  if (name.size() > limits::name_bytes_max)
    return "has a name longer than 255 bytes";
  if (name.find('\0') != name.npos)
    return "has a NUL byte in it";
  if (!atl::is_utf8(name))
    return "is not valid UTF-8";
  return {};
}

} // namespace

std::string_view parsed_path::first(std::size_t count) const {
  if (count == 0)
    return text.substr(0, 1);
  const auto& last = names[count - 1];
  return text.substr(0, static_cast<std::size_t>(last.data() + last.size() - text.data()));
}

bool parsed_path::contains(const parsed_path& other) const {
  return names.size() <= other.names.size() &&
         std::equal(names.begin(), names.end(), other.names.begin());
}

atl::result<parsed_path> parse_path(std::string_view text) {
  if (text.size() > limits::path_bytes_max)
    return fail(errc::invalid, fmt::format("path {} has {} bytes, at most {} are allowed",
                                           in_quotes(text), text.size(), limits::path_bytes_max));
  if (text.empty() || text.front() != '/')
    return fail(errc::invalid,
                fmt::format("path {} is not absolute: it must begin with '/'", in_quotes(text)));
  parsed_path path{text, {}, false};
  auto rest = text.substr(1);
  while (!rest.empty()) {
    auto slash = rest.find('/');
    auto name = rest.substr(0, slash);
    if (auto fault = fault_of(name); !fault.empty())
      return fail(errc::invalid,
                  fmt::format("path {} {}, at {}", in_quotes(text), fault, in_quotes(name)));
    path.names.push_back(name);
    if (path.names.size() > limits::path_depth_max)
      return fail(errc::invalid, fmt::format("path {} is more than {} names deep", in_quotes(text),
                                             limits::path_depth_max));
    if (slash == rest.npos)
      break;
    rest.remove_prefix(slash + 1);
    path.directory_only = rest.empty();
  }
  return path;
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  if (text.size() <= limits::quoted_bytes_max) {
    out += atl::printable(text);
  } else {
    auto head = limits::quoted_bytes_max / 2;
    auto tail = text.size() - limits::quoted_bytes_max / 2;
    while (head > 0 && continues_character(text[head]))
      --head;
    while (tail < text.size() && continues_character(text[tail]))
      ++tail;
    out += atl::printable(text.substr(0, head));
    out += "…";
    out += atl::printable(text.substr(tail));
  }
  return out + "'";
}

} // namespace dfs
