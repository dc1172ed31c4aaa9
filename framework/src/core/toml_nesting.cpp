#include "toml_nesting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace atl {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr std::size_t closing_quotes_max = 5; // three, and two that belong to the text

/// Scans the text once, counting levels, without recursion.
class nesting_scanner {
 public:
  explicit nesting_scanner(std::string_view text) : rest_{text} {
    if (rest_.starts_with(byte_order_mark))
      rest_.remove_prefix(byte_order_mark.size());
  }

  /// @returns whether some place nests too deep; `line` and `column` then tell which.
  bool find_excess() {
    while (!rest_.empty() && depth() <= toml_depth_max)
      take_token();
    return depth() > toml_depth_max;
  }

  std::uint32_t line() const { return line_; }
  std::uint32_t column() const { return column_; }

 private:
  std::size_t depth() const { return header_parts_ + enclosing_ + key_dots_; }

  void take_token() {
    auto c = rest_.front();
    auto begins_statement = begins_statement_;
    begins_statement_ = begins_statement && (c == ' ' || c == '\t');
    switch (c) {
    case '#':
      return advance(std::min(rest_.find('\n'), rest_.size()));
    case '"':
    case '\'':
      return skip_string(c);
    case '\n':
      end_line();
      break;
    case '.':
      ++(in_header_ ? header_parts_ : key_dots_);
      break;
    case ',':
      key_dots_ = 0;
      break;
    case '[':
    case '{':
      open(c, begins_statement);
      break;
    case ']':
    case '}':
      close();
      break;
    default:
      break;
    }
    advance(1);
  }

  /// Lists continue over several lines; any other value ends with its line.
  void end_line() {
    if (!open_.empty())
      return;
    in_header_ = false;
    begins_statement_ = true;
    key_dots_ = 0;
  }

  void open(char bracket, bool begins_statement) {
    if (bracket == '[' && begins_statement && open_.empty()) {
      in_header_ = true;
      header_parts_ = 0;
    }
    if (in_header_)
      return;
    // The parts of the key enclose the content of the brackets.
    open_.push_back(key_dots_ + 1);
    enclosing_ += key_dots_ + 1;
    key_dots_ = 0;
  }

  void close() {
    if (open_.empty())
      return;
    enclosing_ -= open_.back();
    open_.pop_back();
    key_dots_ = 0;
  }

  void skip_string(char quote) {
    const char triple[] = {quote, quote, quote};
    std::string_view delimiter{triple, 3};
    if (!rest_.starts_with(delimiter))
      return skip_line_string(quote);
    advance(delimiter.size());
    while (!rest_.empty()) {
      if (rest_.starts_with(delimiter)) {
        auto quotes = std::min(rest_.find_first_not_of(quote), rest_.size());
        return advance(std::min(quotes, closing_quotes_max));
      }
      advance(quote == '"' && rest_.front() == '\\' ? 2 : 1);
    }
  }

  void skip_line_string(char quote) {
    advance(1);
    while (!rest_.empty() && rest_.front() != '\n') {
      if (rest_.front() == quote)
        return advance(1);
      advance(quote == '"' && rest_.front() == '\\' ? 2 : 1);
    }
  }

  void advance(std::size_t bytes) {
    for (auto c : rest_.substr(0, bytes)) {
      if (c == '\n') {
        ++line_;
        column_ = 1;
      } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) { // counts each character once
        ++column_;
      }
    }
    rest_.remove_prefix(std::min(bytes, rest_.size()));
  }

  std::string_view rest_;
  std::uint32_t line_ = 1;
  std::uint32_t column_ = 1;

  bool begins_statement_ = true;  ///< only blanks stand before on this line
  bool in_header_ = false;        ///< within `[a.b]`
  std::size_t header_parts_ = 0;  ///< dots in the name of the table that is open
  std::size_t key_dots_ = 0;      ///< since the last comma, bracket or line
  std::vector<std::size_t> open_; ///< brackets that are open: the levels that each adds
  std::size_t enclosing_ = 0;     ///< the sum of the levels in `open_`
};

} // namespace

status check_toml_nesting(std::string_view text, std::string_view origin) {
  nesting_scanner scanner{text};
  if (!scanner.find_excess())
    return {};
  return fail(
      errc::invalid,
      fmt::format("{}:{}:{}: nests deeper than {} levels (parts of keys, tables and lists), "
                  "which no configuration does",
                  origin, scanner.line(), scanner.column(), toml_depth_max));
}

} // namespace atl
