#pragma once

#include <string>

namespace atl {

/// Quotes a word for a command line that a person copies, if the word contains special characters.
std::string shell_word(const std::string& word);

} // namespace atl
