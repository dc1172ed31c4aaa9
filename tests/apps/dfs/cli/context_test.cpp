#include "cli/context.hpp"
#include "cli/remote_path.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <ctime>
#include <stdlib.h>

using namespace dfs::cli;

TEST_CASE("sizes are printed in the largest suitable unit") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(std::uint64_t{5} << 40) == "5.0 TiB");
  CHECK(human_bytes(UINT64_MAX) == "16384.0 PiB");
}

TEST_CASE("times before 1970 and far in the future are formatted, and none is refused") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  CHECK(human_time(0) == "1970-01-01 00:00:00");
  CHECK(human_time(-1) == "1969-12-31 23:59:59");
  CHECK(human_time(-1'000'000) == "1969-12-31 23:59:59");
  CHECK(human_time(-315'619'200'000'000) == "1960-01-01 00:00:00");
  CHECK(human_time(2'148'595'200'000'000) == "2038-02-01 00:00:00");
  CHECK_FALSE(human_time(INT64_MIN).empty());
  CHECK_FALSE(human_time(INT64_MAX).empty());
}

TEST_CASE("every kind of error has an exit code other than 0") {
  for (int code = 0; code <= static_cast<int>(atl::errc_last); ++code)
    CHECK(exit_code_of(static_cast<atl::errc>(code)) != done);
  CHECK(exit_code_of(atl::errc::not_found) == not_found);
  CHECK(exit_code_of(atl::errc::exists) == exists);
  CHECK(exit_code_of(atl::errc::timeout) == unavailable);
  CHECK(exit_code_of(atl::errc::no_space) == no_space);
}

TEST_CASE("a name that leads out of its folder is refused for a local file") {
  for (auto* name : {"", ".", "..", "a/b", "/a", "../a"})
    CHECK_FALSE(is_plain_name(name));
  CHECK_FALSE(is_plain_name(std::string_view{"a\0b", 3}));
  for (auto* name : {"a", "...", ".hidden", "-", "a b"})
    CHECK(is_plain_name(name));
}
