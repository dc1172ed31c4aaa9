#pragma once

#include <atoll/verify/report.hpp>
#include <atoll/verify/verify.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace atl::verify {

/// Thrown when a property does not hold; the message says how.
class broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Collects findings and reports each to a listener at once, so that earlier findings survive a
/// crash of the plugin.
class recorder {
 public:
  explicit recorder(const effort& how) : how_{how} {}

  const effort& how() const { return how_; }
  report& result() { return report_; }

  /// Checks a property: `holds` returns the number of cases tried, or throws; any exception breaks
  /// the property.
  void check(const std::string& property, const std::string& claim,
             const std::function<std::uint64_t()>& holds);
  void skip(const std::string& property, const std::string& why);
  /// Adds `runs` to the number of planned runs.
  void plan(std::uint64_t runs) { planned_ += runs; }
  /// Counts a finished run. Not thread-safe.
  void note_run();
  /// Whether further properties should be checked.
  bool should_continue() const { return !how_.stop_at_first || report_.ok(); }

  std::function<void(const std::string& property, const std::string& claim)> on_begin;
  std::function<void(const finding&)> on_finding;
  /// Called a few times per second. @param done share of the planned runs, from 0 to 1
  std::function<void(double done)> on_progress;

 private:
  void note(finding it);

  const effort how_;
  report report_;
  std::uint64_t planned_ = 0;
  std::chrono::steady_clock::time_point progress_reported_at_{};
};

/// The claim's value; empty when the plugin doesn't make it.
std::string claim_of(const spi::descriptor& it, const char* name);

} // namespace atl::verify
