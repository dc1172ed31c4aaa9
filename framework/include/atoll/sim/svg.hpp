#pragma once

#include <fmt/format.h>

#include <iterator>
#include <span>
#include <string>
#include <string_view>

namespace atl::sim {

/// Writes an SVG document element by element, with texts on top. Texts are escaped; characters that
/// are not printable ASCII become question marks.
class svg {
 public:
  struct point {
    double x = 0;
    double y = 0;
  };

  void line(std::string_view style, point from, point to);
  /// Straight lines from each point to the next one. @pre at least one point
  void path(std::string_view style, std::span<const point> points);
  void box(std::string_view style, point corner, double width, double height);
  /// An arrow with a tooltip.
  void arrow(std::string_view style, point from, point to, std::string_view word);
  void cross(std::string_view style, point at);
  /// A text cut at `most` characters, with the full text as a tooltip.
  void text(std::string_view style, point at, std::string_view words, std::size_t most = 200);

  /// The complete document.
  std::string document(double width, double height, std::string_view style_sheet) const;

  static std::string escape(std::string_view text);

 private:
  template <class... Args>
  static void put(std::string& to, fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(to), text, std::forward<Args>(args)...);
  }

  std::string shapes_;
  std::string texts_;
};

} // namespace atl::sim
