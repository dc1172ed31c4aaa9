#pragma once

#include <string>
#include <string_view>

namespace atl {

/// Is the text well-formed UTF-8 as in Unicode 15, table 3-7: no overlong forms, no surrogates?
bool is_utf8(std::string_view text);

/// The text in a form that is safe for a terminal: control characters, characters that change the
/// direction of writing, and malformed UTF-8 become \xNN.
std::string printable(std::string_view text);
/// The same, with its line breaks.
std::string printable_lines(std::string_view text);

} // namespace atl
