#include "cli/context.hpp"

#include <doctest/doctest.h>

using namespace dfs::cli;

TEST_CASE("sizes are told in the unit that suits them") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(std::uint64_t{5} << 40) == "5.0 TiB");
  CHECK(human_bytes(UINT64_MAX) == "16384.0 PiB");
}

TEST_CASE("every kind of error has an exit code, and none says that all is well") {
  for (int code = 0; code <= static_cast<int>(atl::errc_last); ++code)
    CHECK(exit_code_of(static_cast<atl::errc>(code)) != done);
  CHECK(exit_code_of(atl::errc::not_found) == not_found);
  CHECK(exit_code_of(atl::errc::exists) == exists);
  CHECK(exit_code_of(atl::errc::timeout) == unavailable);
  CHECK(exit_code_of(atl::errc::no_space) == no_space);
}
