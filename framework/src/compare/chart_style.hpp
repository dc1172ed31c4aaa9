#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace atl::compare {

/// The style sheet of all charts.
extern const std::string_view chart_style_sheet;

/// The classes of a line. Colours come again with other dashes, so that two dozen lines differ.
std::string line_style(std::size_t index);

} // namespace atl::compare
