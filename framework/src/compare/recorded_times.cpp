#include "recorded_times.hpp"

#include <atoll/compare/workload.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <string>
#include <string_view>

namespace atl::compare {

namespace {

constexpr std::string_view blank = " \t\r";

/// A later time would lose its microseconds in a double.
constexpr double seconds_max = 1e9;

} // namespace

result<std::vector<double>> read_recorded_times(const std::filesystem::path& file,
                                                time_order order) {
  std::error_code unknown;
  if (std::filesystem::is_directory(file, unknown))
    return fail(errc::io, fmt::format("{} is a folder; name a file of times", file.string()));
  errno = 0;
  std::ifstream in{file, std::ios::binary};
  if (!in)
    return tl::unexpected{system_error(errno, "cannot read " + file.string())};
  std::vector<double> times;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    auto begin = line.find_first_not_of(blank);
    if (begin == std::string::npos || line[begin] == '#')
      continue;
    auto end = line.find_last_not_of(blank) + 1;
    auto reject = [&](std::string_view why) {
      return fail(errc::invalid,
                  fmt::format("{}:{}:{}: '{}' {}", file.string(), number, begin + 1,
                              line.substr(begin, std::min<std::size_t>(end - begin, 40)), why));
    };
    double seconds = 0;
    auto [stop, problem] = std::from_chars(line.data() + begin, line.data() + end, seconds);
    if (problem != std::errc{} || stop != line.data() + end || !(seconds >= 0) ||
        seconds > seconds_max)
      return reject("is no time; expected seconds, such as 0.25, from 0 to 1e9");
    if (order == time_order::ascending && !times.empty() && seconds * 1e6 < times.back())
      return reject("is before the time above it; times of arrival must ascend");
    if (times.size() == requests_max)
      return reject(fmt::format("is one time too many; a file has at most {}", requests_max));
    times.push_back(seconds * 1e6);
  }
  if (in.bad())
    return tl::unexpected{system_error(errno, "cannot read " + file.string())};
  if (times.empty())
    return fail(errc::invalid, file.string() + ":1:1: has no times; expected seconds, one a line");
  return times;
}

} // namespace atl::compare
