#include "chart_style.hpp"
#include "run_statistics.hpp"

#include <atoll/compare/comparison.hpp>
#include <atoll/sim/svg.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace atl::compare {

namespace {

constexpr double width = 860, height_min = 480;
constexpr double left = 70, right = 640, top = 60, bottom = 430;
constexpr double legend_top = top + 10, legend_line = 18;

/// The part of the plane that is drawn. Both axes are logarithmic.
struct plot_area {
  double x_min, x_max; ///< microseconds, powers of ten
  double y_min;        ///< share of the requests, a power of ten; the largest is 1

  sim::svg::point place(double time, double share) const {
    auto x = std::log(std::max(time, x_min) / x_min) / std::log(x_max / x_min);
    auto y = std::log(share) / std::log(y_min);
    return {left + x * (right - left), top + y * (bottom - top)};
  }
};

plot_area area_of(const std::vector<strategy_result>& strategies) {
  double least = 1e300, most = 1;
  std::size_t requests = 10;
  for (auto& each : strategies)
    if (!each.latencies.empty()) {
      least = std::min(least, percentile(each.latencies, 0.01));
      most = std::max(most, each.latency.max);
      requests = std::max(requests, each.latencies.size());
    }
  least = std::clamp(least, 1.0, most);
  auto x_min = std::pow(10, std::floor(std::log10(least)));
  return {x_min, std::max(10 * x_min, std::pow(10, std::ceil(std::log10(most)))),
          std::pow(10, -std::ceil(std::log10(static_cast<double>(requests))))};
}

std::string time_text(double microseconds) {
  return microseconds < 1e3   ? fmt::format("{:g} us", microseconds)
         : microseconds < 1e6 ? fmt::format("{:g} ms", microseconds / 1e3)
                              : fmt::format("{:g} s", microseconds / 1e6);
}

void draw_axes(sim::svg& out, const plot_area& area) {
  for (auto x = area.x_min; x <= area.x_max * 1.01; x *= 10) {
    out.line("grid", area.place(x, 1), area.place(x, area.y_min));
    auto at = area.place(x, area.y_min);
    out.text("x-label", {at.x, at.y + 16}, time_text(x));
  }
  for (auto y = 1.0; y >= area.y_min * 0.99; y /= 10) {
    out.line("grid", area.place(area.x_min, y), area.place(area.x_max, y));
    auto at = area.place(area.x_min, y);
    out.text("y-label", {at.x - 6, at.y + 4}, fmt::format("{:g} %", y * 100));
  }
  out.line("axis", {left, top}, {left, bottom});
  out.line("axis", {left, bottom}, {right, bottom});
  out.text("x-label", {(left + right) / 2, bottom + 36}, "time from arrival to answer");
}

/// The curve of one strategy, at shares that lie close together on the axis.
std::vector<sim::svg::point> curve(const plot_area& area, const std::vector<float>& latencies) {
  constexpr int points_a_decade = 40;
  std::vector<sim::svg::point> points;
  auto requests = static_cast<double>(latencies.size());
  for (int i = 0;; ++i) {
    auto share = std::pow(10, -static_cast<double>(i) / points_a_decade);
    if (share * requests < 1)
      break;
    points.push_back(area.place(percentile(latencies, 1 - share), share));
  }
  points.push_back(area.place(latencies.back(), 1 / requests));
  return points;
}

} // namespace

std::string latency_chart(const comparison& it) {
  auto area = area_of(it.strategies);
  sim::svg out;
  out.text("heading", {left, 24}, it.model.name);
  out.text("", {left, 42},
           fmt::format("share of the requests that took longer; load {:.3f}, {} members, seed {}",
                       it.model.load(), it.model.members.size(), it.seed));
  draw_axes(out, area);
  for (std::size_t i = 0; i < it.strategies.size(); ++i) {
    auto& each = it.strategies[i];
    auto style = line_style(i);
    auto y = legend_top + legend_line * static_cast<double>(i);
    if (!each.latencies.empty())
      out.path(style, curve(area, each.latencies));
    out.line("key " + style, {right + 14, y}, {right + 38, y});
    out.text("", {right + 44, y + 4}, each.label, 26);
  }
  auto legend_bottom = legend_top + legend_line * static_cast<double>(it.strategies.size());
  return out.document(width, std::max(height_min, legend_bottom), chart_style_sheet);
}

} // namespace atl::compare
