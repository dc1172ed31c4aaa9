#include <atoll/sim/svg.hpp>

#include <cmath>

namespace atl::sim {

std::string svg::escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (auto c : text) {
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&apos;";
      break;
    case '\n':
    case '\t':
      out += ' ';
      break;
    default:
      out += c >= ' ' && c <= '~' ? c : '?';
    }
  }
  return out;
}

void svg::line(std::string_view style, point from, point to) {
  put(shapes_, "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
      style, from.x, from.y, to.x, to.y);
}

void svg::path(std::string_view style, std::span<const point> points) {
  put(shapes_, "<path class=\"{}\" d=\"", style);
  for (auto& each : points)
    put(shapes_, "{}{:.1f} {:.1f}", &each == points.data() ? 'M' : 'L', each.x, each.y);
  put(shapes_, "\"/>\n");
}

void svg::box(std::string_view style, point corner, double width, double height) {
  put(shapes_,
      "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n", style,
      corner.x, corner.y, width, height);
}

void svg::arrow(std::string_view style, point from, point to, std::string_view word) {
  constexpr double head = 7;
  auto angle = std::atan2(to.y - from.y, to.x - from.x);
  auto wing = [&](double turn) {
    return point{to.x - head * std::cos(angle + turn), to.y - head * std::sin(angle + turn)};
  };
  auto left = wing(0.4);
  auto right = wing(-0.4);
  put(shapes_,
      "<g class=\"{}\"><title>{}</title>"
      "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>"
      "<path class=\"head\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\"/></g>\n",
      style, escape(word), from.x, from.y, to.x, to.y, left.x, left.y, to.x, to.y, right.x,
      right.y);
}

void svg::cross(std::string_view style, point at) {
  constexpr double arm = 4.5;
  put(shapes_,
      "<path class=\"{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>\n",
      style, at.x - arm, at.y - arm, at.x + arm, at.y + arm, at.x - arm, at.y + arm, at.x + arm,
      at.y - arm);
}

void svg::text(std::string_view style, point at, std::string_view words, std::size_t most) {
  put(texts_, "<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">", style, at.x, at.y);
  if (words.size() <= most)
    put(texts_, "{}", escape(words));
  else
    put(texts_, "{}...<title>{}</title>", escape(words.substr(0, most - 3)), escape(words));
  put(texts_, "</text>\n");
}

std::string svg::document(double width, double height, std::string_view style_sheet) const {
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" "
                     "height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\">\n"
                     "<style>{2}</style>\n"
                     "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{3}{4}</svg>\n",
                     width, height, escape(style_sheet), shapes_, texts_);
}

} // namespace atl::sim
