#include "chart_style.hpp"

#include <fmt/format.h>

#include <array>

namespace atl::compare {

namespace {

constexpr std::size_t colours = 8; ///< s0 to s7
constexpr std::array<std::string_view, 3> dashes{"", " dashed", " dotted"};

} // namespace

const std::string_view chart_style_sheet = R"(
.paper { fill: #ffffff }
text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: #24292f }
.heading { font-size: 13px; font-weight: bold }
.x-label { text-anchor: middle }
.y-label { text-anchor: end }
.grid { stroke: #d8dee4; stroke-width: 1 }
.axis { stroke: #57606a; stroke-width: 1.2 }
path, .key { fill: none; stroke-width: 2 }
.s0 { stroke: #0550ae } .s1 { stroke: #cf222e } .s2 { stroke: #1a7f37 } .s3 { stroke: #8250df }
.dashed { stroke-dasharray: 7 3 } .dotted { stroke-dasharray: 2 2 }
.s4 { stroke: #bc4c00 } .s5 { stroke: #1b7c83 } .s6 { stroke: #bf3989 } .s7 { stroke: #57606a }
)";

std::string line_style(std::size_t index) {
  return fmt::format("s{}{}", index % colours, dashes[index / colours % dashes.size()]);
}

} // namespace atl::compare
