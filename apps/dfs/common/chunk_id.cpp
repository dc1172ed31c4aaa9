#include "common/chunk_id.hpp"

#include <fmt/format.h>

#include <charconv>

namespace dfs {

std::string to_string(const chunk_id& id) {
  return fmt::format("{:016x}{:016x}", id.made_us, id.random);
}

std::optional<chunk_id> parse_chunk_id(std::string_view text) {
  if (text.size() != 32 || text.find_first_not_of("0123456789abcdef") != text.npos)
    return std::nullopt;
  chunk_id id;
  std::from_chars(text.data(), text.data() + 16, id.made_us, 16);
  std::from_chars(text.data() + 16, text.data() + 32, id.random, 16);
  return id;
}

} // namespace dfs
