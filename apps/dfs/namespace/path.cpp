#include "namespace/path.hpp"

#include "namespace/namespace_limits.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>

#include <utility>

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
  return {};
}

std::string quoted_path(inode_id at, std::string_view path) {
  if (at == root_inode)
    return in_quotes(fmt::format("/{}", path));
  auto inode = fmt::format("inode {}", at);
  return path.empty() ? inode : fmt::format("{} of {}", in_quotes(path), inode);
}

} // namespace

std::string parsed_path::quoted(std::size_t count) const {
  if (count == 0)
    return quoted_path(at, {});
  const auto& last = names[count - 1];
  auto bytes = static_cast<std::size_t>(last.data() + last.size() - text.data());
  return quoted_path(at, text.substr(0, count == names.size() ? text.size() : bytes));
}

atl::result<parsed_path> parse_path(const place& where) {
  const std::string_view text = where.path;
  auto invalid = [&where](std::string why) {
    return fail(errc::invalid, fmt::format("path {} {}", in_quotes(where), why));
  };
  if (text.size() > limits::path_bytes_max)
    return invalid(
        fmt::format("has {} bytes, at most {} are allowed", text.size(), limits::path_bytes_max));
  parsed_path path{where.at, text, {}, false};
  auto rest = text;
  while (!rest.empty()) {
    auto slash = rest.find('/');
    auto name = rest.substr(0, slash);
    if (auto fault = fault_of(name); !fault.empty())
      return invalid(fmt::format("{}, at {}", fault, in_quotes(name)));
    path.names.push_back(name);
    if (path.names.size() > limits::path_depth_max)
      return invalid(fmt::format("is more than {} names deep", limits::path_depth_max));
    if (slash == rest.npos)
      break;
    rest.remove_prefix(slash + 1);
    path.directory_only = rest.empty();
  }
  return path;
}

atl::result<place> place_of(std::string_view absolute_path) {
  if (absolute_path.empty() || absolute_path.front() != '/')
    return fail(errc::invalid, fmt::format("path {} is not absolute: it must begin with '/'",
                                           in_quotes(absolute_path)));
  return place{root_inode, std::string{absolute_path.substr(1)}};
}

atl::result<split_path> split_last(const place& where) {
  auto path = parse_path(where);
  if (!path)
    return tl::unexpected{path.error()};
  if (path->names.empty())
    return fail(errc::invalid,
                fmt::format("{} has no name that could be taken off", in_quotes(where)));
  auto name = path->names.back();
  auto before = static_cast<std::size_t>(name.data() - path->text.data());
  return split_path{{where.at, where.path.substr(0, before == 0 ? 0 : before - 1)},
                    std::string{name}};
}

std::string in_quotes(const place& where) {
  return quoted_path(where.at, where.path);
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
