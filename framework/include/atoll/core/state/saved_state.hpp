#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/state/row_reader.hpp>
#include <atoll/core/state/service_logic.hpp>

#include <filesystem>
#include <memory>
#include <string_view>

namespace atl {

/// A copy of a replicated state that `replicated_state::save` made, opened for reading: no row is
/// changed. Uses few open files and little memory, whatever the size of the state. Not thread-safe.
class saved_state {
 public:
  /// @returns errc::corrupt if the copy is damaged.
  static result<saved_state> open(const std::filesystem::path& folder, service_info service);
  saved_state(saved_state&&) noexcept;
  saved_state& operator=(saved_state&&) noexcept;
  ~saved_state();

  /// Visits the application's rows in the order of their keys until the visitor returns false.
  /// @returns errc::corrupt if a row can't be read; the rows before it were visited.
  status visit_rows(const row_visitor& visit) const { return visit_rows({}, visit); }
  /// The same from the first row whose key is not before `from` on.
  status visit_rows(std::string_view from, const row_visitor& visit) const;

  /// What the framework knows of the state.
  result<state_summary> summary() const;

 private:
  struct implementation;
  explicit saved_state(std::unique_ptr<implementation> self);
  std::unique_ptr<implementation> self_;
};

} // namespace atl
