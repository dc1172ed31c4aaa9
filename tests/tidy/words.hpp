#pragma once

#include <span>
#include <string_view>

/// A word that is no longer used, and the standard term for it.
struct replaced_word {
  std::string_view word; ///< a whole identifier or word
  std::string_view instead;
  std::string_view below = {}; ///< the folder in which it is banned; empty: everywhere
};

std::span<const replaced_word> replaced_words();
