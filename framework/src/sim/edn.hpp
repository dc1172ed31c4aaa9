#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The subset of EDN that recorded histories use.
namespace atl::sim {

struct edn {
  struct nil {};
  struct other {}; ///< a value that histories do not use
  struct keyword {
    std::string name;
  };
  using list = std::vector<edn>; ///< a list, a vector or a set
  using map = std::vector<std::pair<edn, edn>>;

  std::variant<nil, other, std::int64_t, keyword, std::string, list, map> value;
  std::size_t line = 1;

  /// The value of a keyword in a map; null if absent.
  const edn* find(std::string_view key) const;
};

/// Reads one form after the other, with bounded nesting depth.
class edn_reader {
 public:
  explicit edn_reader(std::string_view text) : rest_{text} {}

  /// @returns none at the end, or when the text is not EDN (then `failed()`).
  std::optional<edn> next() { return read(0); }
  bool failed() const { return failed_; }
  std::size_t line() const { return line_; }

 private:
  std::optional<edn> read(int depth);
  void skip_space();
  std::optional<edn> read_string(edn form);
  std::optional<edn> read_token(edn form);
  std::optional<edn::list> read_until(char close, int depth);
  char take();

  std::string_view rest_;
  std::size_t line_ = 1;
  bool failed_ = false;
};

} // namespace atl::sim
