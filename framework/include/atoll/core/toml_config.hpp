#pragma once

#include <atoll/core/config_value.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/options.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace atl {

/// One key that a configuration may have.
struct key_spec {
  /// Dotted: `storage.chunk_size`. A key of each table of an array is written `masters[].name`, and
  /// the array itself `masters[]` (then `minimum` and `maximum` bound the number of its tables, and
  /// the rest means nothing). One level of `[]`.
  std::string key{};
  spi::option_type type = spi::option_type::text;
  bool is_list = false;        ///< a list of such values
  bool required = false;       ///< must be written (in each table of its array)
  std::string default_value{}; ///< as in `spi::option_spec`; a list's elements separated by commas;
                               ///< empty: none, so that the key may be not set
  std::string minimum{};       ///< as in `spi::option_spec`
  std::string maximum{};       ///< as in `spi::option_spec`; for text the choices, `a|b|c`
  std::string meaning{};       ///< one sentence for a list of the keys
  /// A table whose keys belong to a plugin, and are checked once the plugin is known.
  bool is_plugin_options = false;
  bool is_path = false; ///< a text that names a file or a folder; one does for a list
  /// The dotted name that the key had in an earlier version: refused with a message that names
  /// `key`. Empty: none.
  std::string former_key{};
};

/// A configuration, read and checked against a schema. Immutable; to be read by any thread.
///
/// A file's top-level `include = "cluster.toml"` (or a list of paths, relative to that file) reads
/// other files first, and values of the including file take precedence; of several included files,
/// the later takes precedence. Tables are merged, lists and arrays of tables are replaced.
///
/// Getters take actual keys, `masters[0].name`. Asking for a key that the schema doesn't have, or
/// with another type, is a defect of the program: the getter prints a message and aborts.
class config {
 public:
  /// Reads a file. The error names everything that is wrong, one a line, each with its
  /// `file:line:column`; of TOML that can't be read, the first mistake.
  static result<config> load(const std::filesystem::path& file, std::span<const key_spec> schema);

  /// Reads a text as if it stood in `file`.
  static result<config> parse(std::string_view text, const std::filesystem::path& file,
                              std::span<const key_spec> schema);

  /// Is the key written, or does it have a default? If not, getters return an empty text, an empty
  /// list or 0.
  bool is_set(std::string_view key) const;

  const std::string& text(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  bool boolean(std::string_view key) const;
  double real(std::string_view key) const;
  std::chrono::microseconds duration(std::string_view key) const;
  std::uint64_t size(std::string_view key) const; ///< in bytes
  std::vector<std::string> texts(std::string_view key) const;

  /// A text as an absolute path; a relative one starts at the folder of the file in which it
  /// stands, however that file was named.
  std::filesystem::path path(std::string_view key) const;
  std::vector<std::filesystem::path> paths(std::string_view key) const;

  /// How many tables an array of tables has: `size_of("masters")`.
  std::size_t size_of(std::string_view array) const;
  /// `at("masters", 0, "name")` is `masters[0].name`.
  static std::string at(std::string_view array, std::size_t index, std::string_view key);

  /// What the operator wrote into a plugin's table of options; empty when there is none.
  const config_table& plugin_options(std::string_view key) const;

  /// Where a key's value was written, `file:line:column`, or `default`.
  std::string where(std::string_view key) const;
  /// The folder of the file in which a key's value was written, or of the main file; absolute.
  std::filesystem::path directory_of(std::string_view key) const;

  struct resolved_key {
    std::string key;
    std::string value;  ///< as written in TOML
    std::string origin; ///< as `where` says
  };
  /// Every key that has a value, in the order of the schema; the tables of an array one by one.
  std::vector<resolved_key> resolved() const;

 private:
  friend class config_checker;

  struct entry {
    std::size_t spec = 0;    ///< index into `schema_`
    std::size_t element = 0; ///< which table of an array
    bool is_set = false;
    config_location where; ///< without a file: the default
    std::variant<spi::option_value, std::vector<spi::option_value>, config_table> value;
  };

  const entry& find(std::string_view key) const;
  template <class T>
  const T& get(std::string_view key, spi::option_type type) const;

  std::filesystem::path directory_;
  /// The folder of each file, by the file's name as given. Found at load time, because the working
  /// directory may change later.
  std::map<std::string, std::filesystem::path, std::less<>> directories_;
  std::vector<key_spec> schema_;
  std::map<std::string, entry, std::less<>> entries_;
  std::map<std::string, std::size_t, std::less<>> array_sizes_;
};

} // namespace atl
