#include "namespace/path.hpp"

#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

using atl::errc;
using atl::fail;

namespace {

/// The length of the well-formed character at the start, 0 if there is none.
std::size_t character_size(std::string_view text) {
  auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  auto in = [](unsigned value, unsigned low, unsigned high) {
    return value >= low && value <= high;
  };
  auto lead = byte(0);
  if (lead < 0x80)
    return text.empty() ? 0 : 1;
  if (in(lead, 0xc2, 0xdf))
    return in(byte(1), 0x80, 0xbf) ? 2 : 0;
  if (in(lead, 0xe0, 0xef)) {
    auto low = lead == 0xe0 ? 0xa0u : 0x80u;
    auto high = lead == 0xed ? 0x9fu : 0xbfu;
    return in(byte(1), low, high) && in(byte(2), 0x80, 0xbf) ? 3 : 0;
  }
  if (in(lead, 0xf0, 0xf4)) {
    auto low = lead == 0xf0 ? 0x90u : 0x80u;
    auto high = lead == 0xf4 ? 0x8fu : 0xbfu;
    auto rest = in(byte(2), 0x80, 0xbf) && in(byte(3), 0x80, 0xbf);
    return in(byte(1), low, high) && rest ? 4 : 0;
  }
  return 0;
}

/// Is a character a control character (C0, DEL, C1), or one that changes the direction of writing,
/// which makes a name look like another?
bool is_control(std::string_view character) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1)
    return byte(0) < 0x20 || byte(0) == 0x7f;
  if (character.size() == 2)
    return byte(0) == 0xc2 && byte(1) < 0xa0;
  auto turns_direction = character >= "\u202a" && character <= "\u202e";
  auto isolates_direction = character >= "\u2066" && character <= "\u2069";
  return turns_direction || isolates_direction;
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    auto size = character_size(text);
    auto character = text.substr(0, std::max<std::size_t>(size, 1));
    text.remove_prefix(character.size());
    if (size != 0 && !is_control(character)) {
      out.append(character);
      continue;
    }
    for (auto byte : character)
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(byte));
  }
}

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
  if (!is_utf8(name))
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

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    auto size = character_size(text);
    if (size == 0)
      return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  if (text.size() <= limits::quoted_bytes_max) {
    append_escaped(out, text);
  } else {
    auto head = limits::quoted_bytes_max / 2;
    auto tail = text.size() - limits::quoted_bytes_max / 2;
    while (head > 0 && continues_character(text[head]))
      --head;
    while (tail < text.size() && continues_character(text[tail]))
      ++tail;
    append_escaped(out, text.substr(0, head));
    out += "…";
    append_escaped(out, text.substr(tail));
  }
  return out + "'";
}

} // namespace dfs
