#pragma once

#include "value_rule.hpp"

#include <atoll/core/toml_config.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace atl {

/// Checks a configuration against a schema and builds a `config`. Continues after a mistake, so
/// that an operator sees all mistakes at once.
class config_checker {
 public:
  config_checker(std::span<const key_spec> schema, const std::filesystem::path& file);

  result<config> check(const config_table& root);

 private:
  /// A place in the tree: as the schema calls it (`masters[].name`) and as it is
  /// (`masters[0].name`)
  struct place {
    std::string pattern;
    std::string actual;
    std::size_t element = 0;

    place inner(std::string_view key) const;
  };

  void visit(const config_table& table, const place& at);
  void visit(const config_entry& entry, const place& parent);
  void visit_array(const config_entry& entry, const place& at);
  void take(const config_value& written, const place& at, std::size_t spec);
  void take_list(const config_value& written, const place& at, std::size_t spec);

  void unknown(const config_entry& entry, const place& parent, const place& at);
  void expected_table(const config_value& found, const place& at);
  void fill(std::size_t spec);
  void fill(std::size_t spec, const std::string& key, std::size_t element);
  void check_count(const key_spec& spec);

  bool has_keys_below(std::string_view prefix) const;
  std::vector<std::string> siblings(const std::string& prefix) const;
  config_location enclosing_table(std::string_view key) const;
  void report_error(const config_location& where, std::string message);

  config made_;
  std::set<std::string, std::less<>> seen_; ///< keys that were written, right or wrong
  std::map<std::string, config_location, std::less<>> tables_; ///< where each table begins
  std::vector<config_problem> problems_;
};

} // namespace atl
