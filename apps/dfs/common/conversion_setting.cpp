#include "common/conversion_setting.hpp"

#include <fmt/format.h>

#include <charconv>

namespace dfs {

namespace {

constexpr std::string_view prefix = "conversion.";

/// Takes numbers off a text, each with the character after it.
class number_reader {
 public:
  explicit number_reader(std::string_view text) : rest_{text} {}

  std::uint64_t take(char end) {
    std::uint64_t value = 0;
    auto [stop, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    auto length = static_cast<std::size_t>(stop - rest_.data());
    ok_ = ok_ && failure == std::errc{} && length < rest_.size() && rest_[length] == end;
    if (ok_)
      rest_.remove_prefix(length + 1);
    return value;
  }
  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

} // namespace

bool is_conversion(std::string_view setting_key) {
  return setting_key.starts_with(prefix);
}

std::string setting_key_of(inode_id inode) {
  return fmt::format("{}{}", prefix, inode);
}

std::string setting_value_of(const conversion& what) {
  return fmt::format("{} {} {}/{}", what.begun_us, what.is_file ? 1 : 0, what.where.at,
                     what.where.path);
}

std::optional<conversion> conversion_in(std::string_view setting_key, std::string_view value) {
  if (!is_conversion(setting_key))
    return std::nullopt;
  auto text = std::string{setting_key.substr(prefix.size())} + ' ';
  number_reader key{text};
  number_reader in{value};
  conversion known;
  known.inode = key.take(' ');
  known.begun_us = in.take(' ');
  auto is_file = in.take(' ');
  known.is_file = is_file == 1;
  known.where.at = in.take('/');
  known.where.path = in.rest();
  if (!key.ok() || !key.rest().empty() || !in.ok() || is_file > 1)
    return std::nullopt;
  return known;
}

} // namespace dfs
