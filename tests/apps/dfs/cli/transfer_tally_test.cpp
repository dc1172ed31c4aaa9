#include "cli/transfer_tally.hpp"

#include <doctest/doctest.h>

using atl::errc;
using dfs::cli::transfer_tally;

TEST_CASE("a transfer of many files ends with the code of the first failure") {
  transfer_tally tally;
  CHECK(tally.code() == dfs::cli::done);
  tally.succeed(10);
  CHECK(tally.code() == dfs::cli::done);
  tally.fail({errc::corrupt, "the second is damaged"});
  tally.fail({errc::not_found, "the third is missing"});
  tally.succeed(10);
  CHECK(tally.code() == dfs::cli::corrupt);
  CHECK_FALSE(tally.has_given_up());
}

TEST_CASE("a transfer ends after three consecutive files without a response, not after three in "
          "total") {
  transfer_tally tally;
  for (int i = 0; i < 5; ++i) {
    tally.fail({errc::unavailable, "no master answers"});
    tally.fail({errc::timeout, "no answer in time"});
    CHECK_FALSE(tally.has_given_up());
    if (i % 2 == 0)
      tally.succeed(1);
    else
      tally.fail({errc::refused, "a directory is there"});
  }
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(tally.has_given_up());
    tally.fail({errc::unavailable, "no master answers"});
  }
  CHECK(tally.has_given_up());
}
