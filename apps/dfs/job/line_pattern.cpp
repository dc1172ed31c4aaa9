#include "job/line_pattern.hpp"

#include "job/job_limits.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

namespace dfs::job {

namespace {

using atl::errc;
using atl::fail;

/// Writes an expression of POSIX so that RE2 understands the same: a backslash in a bracket
/// expression is a character, and `{,n}` is `{0,n}`. Refuses what RE2 understands otherwise.
class translation {
 public:
  explicit translation(std::string_view pattern) : rest_{pattern} {}

  atl::result<std::string> run() {
    while (!rest_.empty())
      if (auto taken = take_next(); !taken)
        return tl::unexpected{taken.error()};
    return std::move(out_);
  }

 private:
  atl::status take_next() {
    switch (rest_.front()) {
    case '\\':
      return take_escape();
    case '[':
      return take_bracket();
    case '\n':
      return fail(errc::invalid, "a line break; expected a pattern of one line");
    case '{':
      copy(1);
      if (rest_.starts_with(',') && rest_.size() > 1 && is_digit(rest_[1]))
        out_ += '0';
      return {};
    default:
      copy(1);
      return {};
    }
  }

  atl::status take_escape() {
    constexpr std::string_view known = "wWsSbB";
    if (rest_.size() < 2)
      return fail(errc::invalid, "a backslash at the end");
    auto next = rest_[1];
    if (next >= '1' && next <= '9')
      return fail(errc::invalid,
                  fmt::format("\\{} refers back to a group, which isn't supported", next));
    if (std::isalnum(static_cast<unsigned char>(next)) != 0 && known.find(next) == known.npos)
      return fail(errc::invalid, fmt::format("\\{} has no meaning; expected a special character "
                                             "or one of {} after a backslash",
                                             next, known));
    if (next == '<' || next == '>' || next == '`' || next == '\'' || next == '\n')
      return fail(errc::invalid, fmt::format("\\{} isn't supported; \\b is the border of a word",
                                             atl::printable(std::string_view{&next, 1})));
    copy(2);
    return {};
  }

  atl::status take_bracket() {
    copy(1);
    if (rest_.starts_with('^'))
      copy(1);
    for (auto is_first = true; !rest_.empty(); is_first = false) {
      if (rest_.front() == ']' && !is_first) {
        copy(1);
        return {};
      }
      if (rest_.starts_with("[:")) {
        auto end = rest_.find(":]");
        if (end == rest_.npos)
          break;
        copy(end + 2);
        continue;
      }
      if (rest_.starts_with("[.") || rest_.starts_with("[="))
        return fail(errc::invalid, "collating elements such as [.a.] aren't supported");
      if (rest_.front() == '\n')
        return fail(errc::invalid, "a line break; expected a pattern of one line");
      if (rest_.front() == '\\' || rest_.front() == '[' || rest_.front() == ']')
        out_ += '\\';
      copy(1);
    }
    return fail(errc::invalid, "a [ without its ]");
  }

  void copy(std::size_t bytes) {
    out_ += rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
  }
  static bool is_digit(char it) { return it >= '0' && it <= '9'; }

  std::string_view rest_;
  std::string out_;
};

RE2::Options make_options(bool ignore_case) {
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_posix_syntax(true);
  options.set_perl_classes(true);
  options.set_word_boundary(true);
  options.set_never_nl(true);
  options.set_never_capture(true);
  options.set_log_errors(false);
  options.set_case_sensitive(!ignore_case);
  options.set_max_mem(pattern_memory_max);
  return options;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char it) { return static_cast<unsigned char>(it) < 0x80; });
}

tl::unexpected<atl::error> refuse(std::string_view pattern, std::string_view why) {
  return fail(errc::invalid, fmt::format("the pattern '{}': {}", atl::printable(pattern), why));
}

} // namespace

struct line_pattern::compiled {
  compiled(const std::string& pattern, bool ignore_case)
      : expression{pattern, make_options(ignore_case)} {}

  RE2 expression;
};

line_pattern::line_pattern(std::unique_ptr<compiled> expression)
    : expression_{std::move(expression)} {}
line_pattern::line_pattern(line_pattern&&) noexcept = default;
line_pattern& line_pattern::operator=(line_pattern&&) noexcept = default;
line_pattern::~line_pattern() = default;

atl::result<line_pattern> line_pattern::compile(std::string_view pattern, bool ignore_case) {
  if (pattern.size() > pattern_bytes_max)
    return fail(errc::invalid, fmt::format("a pattern of {} bytes; expected at most {}",
                                           pattern.size(), pattern_bytes_max));
  if (ignore_case && !is_ascii(pattern)) // RE2 would fold them as Latin-1
    return refuse(pattern, "only the case of ASCII letters can be ignored; expected no others");
  auto translated = translation{pattern}.run();
  if (!translated)
    return refuse(pattern, translated.error().message);
  auto made = std::make_unique<compiled>(*translated, ignore_case);
  if (!made->expression.ok())
    return refuse(pattern, made->expression.error());
  return line_pattern{std::move(made)};
}

std::optional<line_span> line_pattern::find(std::string_view lines) const {
  re2::StringPiece found;
  re2::StringPiece text{lines.data(), lines.size()};
  if (!expression_->expression.Match(text, 0, text.size(), RE2::UNANCHORED, &found, 1))
    return std::nullopt;
  auto at = static_cast<std::size_t>(found.data() - text.data());
  auto before = at == 0 ? lines.npos : lines.rfind('\n', at - 1);
  auto after = lines.find('\n', at);
  return line_span{before == lines.npos ? 0 : before + 1,
                   after == lines.npos ? lines.size() : after};
}

} // namespace dfs::job
