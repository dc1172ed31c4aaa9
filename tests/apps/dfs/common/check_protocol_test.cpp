#include "common/check_protocol.hpp"

#include <doctest/doctest.h>

using namespace dfs::protocol;

namespace {

check_state some_state() {
  check_state it;
  it.phase = check_phase::done;
  it.master = "master-1";
  it.log_index = 7;
  it.rows_read = 40;
  it.rows_total = 40;
  it.inodes = 3;
  it.entries = 2;
  it.chunks = 1;
  it.findings_total = 2;
  it.findings = {"one", "two"};
  it.failure = "none";
  return it;
}

} // namespace

TEST_CASE("the state of a check is decoded as it was encoded, and altered bytes are refused") {
  auto bytes = encode(some_state());
  auto read = decode_check_state(bytes);
  REQUIRE(read.has_value());
  CHECK(read->master == "master-1");
  CHECK(read->log_index == 7);
  CHECK(read->chunks == 1);
  CHECK(read->findings == some_state().findings);
  CHECK(encode(*read) == bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(decode_check_state(bytes.substr(0, size)).error().code == atl::errc::corrupt);
  CHECK_FALSE(decode_check_state(bytes + "x").has_value());
  auto bad_phase = bytes;
  bad_phase.front() = '\x7f';
  CHECK_FALSE(decode_check_state(bad_phase).has_value());
}

TEST_CASE("only the first findings are sent, and long ones are cut") {
  check_state many;
  many.findings.assign(findings_max + 5, std::string(10'000, 'x'));
  auto read = decode_check_state(encode(many));
  REQUIRE(read.has_value());
  CHECK(read->findings.size() == findings_max);
  CHECK(read->findings.front().size() == 4096);
}

TEST_CASE("an order to check is decoded as it was encoded, and other bytes are refused") {
  auto bytes = encode(check_request{9});
  CHECK(decode_check_request(bytes)->run == 9);
  CHECK_FALSE(decode_check_request(bytes.substr(1)).has_value());
  CHECK_FALSE(decode_check_request(bytes + "x").has_value());
}
