#pragma once

#include <atoll/verify/report.hpp>
#include <atoll/verify/verify.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace atl::verify {

/// Thrown by a property that doesn't hold, with a sentence that says how.
class broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Collects findings, and tells each to a listener at once: what was found before a plugin takes
/// the process down is not lost.
class recorder {
 public:
  explicit recorder(const effort& how) : how_{how} {}

  const effort& how() const { return how_; }
  report& result() { return report_; }

  /// Tries a property: it returns how many cases it tried, or throws. Anything thrown breaks it.
  void check(const std::string& property, const std::string& claim,
             const std::function<std::uint64_t()>& holds);
  void skip(const std::string& property, const std::string& why);
  /// Says how many runs will be made, more than were said before.
  void plan(std::uint64_t runs) { planned_ += runs; }
  /// One of them is over. Not thread-safe.
  void note_run();
  /// Whether the rest is worth trying.
  bool go_on() const { return !how_.stop_at_first || report_.ok(); }

  std::function<void(const std::string& property, const std::string& claim)> on_begin;
  std::function<void(const finding&)> on_finding;
  /// Called a few times a second. @param done share of what is planned, from 0 to 1
  std::function<void(double done)> on_progress;

 private:
  void note(finding it);

  const effort how_;
  report report_;
  std::uint64_t planned_ = 0;
  std::chrono::steady_clock::time_point told_at_{};
};

/// The claim's value; empty when the plugin doesn't make it.
std::string claim_of(const spi::descriptor& it, const char* name);

} // namespace atl::verify
