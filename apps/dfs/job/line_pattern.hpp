#pragma once

#include <atoll/core/error.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace dfs::job {

/// A line of a text, without its line break.
struct line_span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// An extended regular expression as `LC_ALL=C grep -E` has them, on bytes. Takes time in
/// proportion to the text and bounded memory, whatever the pattern is. Back-references, collating
/// elements, `\<`, `\>` and patterns of several lines are refused. Thread-safe.
class line_pattern {
 public:
  /// @param pattern any bytes. Errors: invalid, with the reason.
  static atl::result<line_pattern> compile(std::string_view pattern, bool ignore_case);
  line_pattern(line_pattern&&) noexcept;
  line_pattern& operator=(line_pattern&&) noexcept;
  ~line_pattern();

  /// The first line that matches. @param lines whole lines; the last one without its line break
  std::optional<line_span> find(std::string_view lines) const;

 private:
  struct compiled;
  explicit line_pattern(std::unique_ptr<compiled> expression);

  std::unique_ptr<compiled> expression_;
};

} // namespace dfs::job
