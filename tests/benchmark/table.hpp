#pragma once

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>

/// The figures of a run: a line each for people as they come, and all of them as JSON at the end.
class figures {
 public:
  void add(const std::string& what, double value, const std::string& unit) {
    fmt::print("{:<58} {:>10.1f} {}\n", what, value, unit);
    std::fflush(stdout);
    all_[what] = {{"value", value}, {"unit", unit}};
  }
  /// With what it was `ratio` times of, measured in the same run.
  void add(const std::string& what, double value, const std::string& unit, double ratio,
           const std::string& to) {
    fmt::print("{:<58} {:>10.1f} {:<8} {:>7.2f} x {}\n", what, value, unit, ratio, to);
    std::fflush(stdout);
    all_[what] = {{"value", value}, {"unit", unit}, {"ratio", ratio}, {"ratio_to", to}};
  }
  std::string json() const { return all_.dump(2); }

 private:
  nlohmann::json all_;
};
