#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace atl {

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

} // namespace

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

std::string printable_lines(std::string_view text) {
  std::string out;
  for (;;) {
    auto end = text.find('\n');
    append_escaped(out, text.substr(0, end));
    if (end == text.npos)
      return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

} // namespace atl
