#pragma once

#include <atoll/core/state/replicated_state.hpp>
#include <atoll/verify/service_check.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace atl::verify {

/// The log of a run, and the answers that the first replica gave that applied an entry.
struct service_history {
  std::vector<std::string> entries;                ///< empty: a no-op
  std::vector<std::optional<std::string>> answers; ///< none: no replica has applied the entry
};

/// A replica of a tried service, with a database in a folder. Problems are thrown as
/// `std::runtime_error`.
class service_replica {
 public:
  service_replica(std::string name, std::filesystem::path folder,
                  const service_under_test& service);

  const std::string& name() const { return name_; }
  spi::log_index applied() const { return state_->applied(); }

  /// Applies up to `count` of the entries that it lacks, and compares the answers.
  void apply(service_history& history, std::size_t count);
  void flush();
  /// Ends in order and starts again.
  void restart();
  /// Loses what is in memory only, and starts again.
  void crash();
  /// Takes over the state of another replica.
  void install(service_replica& other);
  void check_invariant() const;
  std::string digest() const;

 private:
  void open();
  [[noreturn]] void fail(std::string_view what) const;
  template <class T>
  T expect(result<T> value, std::string_view during) const;
  std::filesystem::path fresh_folder();

  std::string name_;
  std::filesystem::path folder_; ///< for all incarnations
  const service_under_test& service_;
  std::filesystem::path present_; ///< of the present incarnation
  int folders_ = 0;
  std::unique_ptr<replicated_state> state_;
};

} // namespace atl::verify
