#pragma once

#include "contains.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include <cstdio>
#include <string>
#include <string_view>

struct outcome {
  int code = -1;
  std::string out; ///< both streams
};

/// Runs the tool. @param arguments as in a shell.
inline outcome run_atoll(const std::string& arguments) {
  auto* pipe = ::popen(fmt::format("'{}' {} 2>&1", ATOLL_PROGRAM, arguments).c_str(), "r");
  REQUIRE(pipe);
  outcome result;
  char buffer[4096];
  while (auto got = std::fread(buffer, 1, sizeof(buffer), pipe))
    result.out.append(buffer, got);
  auto status = ::pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}
