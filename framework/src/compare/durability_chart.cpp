#include "chart_style.hpp"

#include <atoll/compare/durability_comparison.hpp>
#include <atoll/sim/svg.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace atl::compare {

namespace {

constexpr double width = 860, height_min = 480;
constexpr double left = 90, right = 640, top = 60, bottom = 430;
constexpr double legend_top = top + 10, legend_line = 18;
/// Probabilities that are drawn; smaller ones lie below the chart.
constexpr double y_least = 1e-12;
/// The axis of the mean times goes from the model's divided by this to the model's times this.
constexpr double x_factor = 10;

/// Both axes are logarithmic.
struct chart_area {
  double mttf;  ///< in the middle, in seconds
  double y_min; ///< a power of ten; the largest is 1

  sim::svg::point place(double node_mttf, double loss) const {
    auto x = std::log(node_mttf / mttf * x_factor) / std::log(x_factor * x_factor);
    auto y = std::log(std::clamp(loss, y_min, 1.0)) / std::log(y_min);
    return {left + x * (right - left), top + y * (bottom - top)};
  }
};

double loss_at(const durability_model& model, const scheme_shape& shape, double node_mttf) {
  auto changed = model;
  changed.node_mttf = node_mttf;
  return durability_form_of(changed, shape).loss;
}

chart_area area_of(const durability_comparison& it) {
  double least = 0.1;
  for (auto& each : it.schemes)
    least = std::min(least, loss_at(it.model, each.figures.shape, it.model.node_mttf * x_factor));
  return {it.model.node_mttf, std::pow(10, std::floor(std::log10(std::max(least, y_least))))};
}

void draw_axes(sim::svg& out, const chart_area& area) {
  for (auto factor : {1 / x_factor, 1 / std::sqrt(x_factor), 1.0, std::sqrt(x_factor), x_factor}) {
    auto x = area.mttf * factor;
    out.line("grid", area.place(x, 1), area.place(x, area.y_min));
    auto at = area.place(x, area.y_min);
    out.text("x-label", {at.x, at.y + 16}, fmt::format("{:.3g}", x / seconds_of_year));
  }
  for (auto y = 1.0; y >= area.y_min * 0.99; y /= 10) {
    out.line("grid", {left, area.place(area.mttf, y).y}, {right, area.place(area.mttf, y).y});
    out.text("y-label", {left - 6, area.place(area.mttf, y).y + 4}, fmt::format("{:g} %", y * 100));
  }
  out.line("axis", {left, top}, {left, bottom});
  out.line("axis", {left, bottom}, {right, bottom});
  out.text("x-label", {(left + right) / 2, bottom + 36}, "years until a node fails, on average");
}

/// The formula, as far as its values lie in the chart.
std::vector<sim::svg::point> curve(const durability_model& model, const scheme_shape& shape,
                                   const chart_area& area) {
  constexpr int points = 60;
  std::vector<sim::svg::point> out;
  for (int i = 0; i <= points; ++i) {
    auto x = area.mttf / x_factor * std::pow(x_factor * x_factor, static_cast<double>(i) / points);
    auto loss = loss_at(model, shape, x);
    out.push_back(area.place(x, loss));
    if (loss < area.y_min)
      break;
  }
  return out;
}

/// What was measured, right or left of the middle so that two intervals don't hide each other.
void draw_measured(sim::svg& out, const std::string& style, std::uint64_t with_loss,
                   std::uint64_t runs, const chart_area& area, double aside) {
  auto interval = wilson_interval(with_loss, runs);
  auto at = [&](double loss) {
    auto point = area.place(area.mttf, loss);
    return sim::svg::point{point.x + aside, point.y};
  };
  out.line("key " + style, at(interval.low), at(interval.high));
  if (with_loss > 0)
    out.cross(style, at(static_cast<double>(with_loss) / static_cast<double>(runs)));
}

/// Of the runs with a keeper: a box around the middle of its interval.
void draw_kept(sim::svg& out, const std::string& style, const keeper_counts& keeper,
               const chart_area& area) {
  constexpr double aside = 8, half = 4;
  draw_measured(out, style, keeper.runs_with_loss, keeper.runs, area, aside);
  auto loss = static_cast<double>(keeper.runs_with_loss) / static_cast<double>(keeper.runs);
  if (keeper.runs_with_loss > 0) {
    auto middle = area.place(area.mttf, loss);
    out.box("key " + style, {middle.x + aside - half, middle.y - half}, 2 * half, 2 * half);
  }
}

} // namespace

std::string durability_chart(const durability_comparison& it) {
  auto area = area_of(it);
  sim::svg out;
  out.text("heading", {left, 24}, it.model.name);
  out.text("", {left, 42},
           fmt::format("probability of a loss, years: {:g}; {} nodes, {} chunks, seed {}; upright: "
                       "95 % of {} runs, boxed those with the keeper",
                       it.model.years, it.model.nodes, it.model.chunks, it.seed, it.model.runs));
  draw_axes(out, area);
  for (std::size_t i = 0; i < it.schemes.size(); ++i) {
    auto& each = it.schemes[i];
    auto style = line_style(i);
    auto y = legend_top + legend_line * static_cast<double>(i);
    out.path(style, curve(it.model, each.figures.shape, area));
    draw_measured(out, style, each.figures.counts.runs_with_loss, each.figures.counts.runs, area,
                  0);
    if (each.figures.keeper.runs > 0)
      draw_kept(out, style, each.figures.keeper, area);
    out.line("key " + style, {right + 14, y}, {right + 38, y});
    out.text("", {right + 44, y + 4}, each.label, 26);
  }
  auto legend_bottom = legend_top + legend_line * static_cast<double>(it.schemes.size());
  return out.document(width, std::max(height_min, legend_bottom), chart_style_sheet);
}

} // namespace atl::compare
