#include <atoll/core/shell_word.hpp>

namespace atl {

std::string shell_word(const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\n'\"\\$&;()<>|*?[]{}#~`!") == word.npos)
    return word;
  std::string text = "'";
  for (auto character : word)
    text += character == '\'' ? "'\\''" : std::string{character};
  return text + "'";
}

} // namespace atl
