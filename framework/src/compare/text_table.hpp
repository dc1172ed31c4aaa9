#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace atl::compare {

/// A table of texts: the first column to the left, the others to the right.
class text_table {
 public:
  /// @param last_is_text the last column is to the left, too
  explicit text_table(bool last_is_text = false) : last_is_text_{last_is_text} {}

  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  std::string text() const;

 private:
  bool last_is_text_;
  std::vector<std::vector<std::string>> rows_;
};

} // namespace atl::compare
