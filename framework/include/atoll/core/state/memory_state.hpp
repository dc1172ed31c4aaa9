#pragma once

#include <atoll/core/state/service_logic.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace atl {

/// The state of a service in memory alone, for simulations: logic, sessions and the state's time
/// work as in `replicated_state`, and a copy of all rows takes microseconds. Deterministic. Not
/// thread-safe; different objects may be used by different threads.
class memory_state {
 public:
  /// A new state, before the first entry. @param birth the certificate of the state's group
  /// (`encode` of a `group_birth`), with its founders; empty: none
  static result<std::unique_ptr<memory_state>> create(std::unique_ptr<service_logic> logic,
                                                      const std::string& birth = {});
  /// The same rows under another logic, as a restart or a snapshot carries them over.
  /// @param logic of the same service
  result<std::unique_ptr<memory_state>> copy(std::unique_ptr<service_logic> logic) const;
  ~memory_state();

  spi::log_index applied() const;

  /// Applies the next entry, as a batch of its own. An exception of the logic is an error, as is a
  /// `transaction::insert` of a row that exists. After an error the entry may be applied in part.
  result<std::string> apply(const spi::committed_entry& entry);
  result<std::string> query(std::string_view query) const;
  std::optional<error> admission_check(std::string_view command) const;
  std::chrono::microseconds latest_stamp() const;

  /// A hash over all rows: equal for states after the same entries. Tells accidental differences.
  std::uint64_t digest() const;
  /// Likewise, over the application's rows alone.
  std::uint64_t application_digest() const;

  /// Visits the application's rows in the order of their keys.
  void visit_rows(const row_visitor& visit) const;

 private:
  struct implementation;
  explicit memory_state(std::unique_ptr<implementation> self);

  std::unique_ptr<implementation> self_;
};

} // namespace atl
