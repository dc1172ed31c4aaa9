#include "common/backup_protocol.hpp"

#include <doctest/doctest.h>

#include <string>

// The messages of a backup, and bytes that are none.
using namespace dfs::protocol;

TEST_CASE("messages of a backup are read as they were written, and nothing else is") {
  backup_request request{0x0102030405060708, 9};
  auto bytes = encode(request);
  auto read = decode_backup_request(bytes);
  REQUIRE(read.has_value());
  CHECK(read->run == request.run);
  CHECK(read->block == request.block);
  for (std::size_t length = 0; length < bytes.size(); ++length)
    CHECK(decode_backup_request(bytes.substr(0, length)).error().code == atl::errc::corrupt);
  CHECK_FALSE(decode_backup_request(bytes + 'x').has_value());

  backup_state state{backup_phase::last, std::string{"a\0b", 3}, "why"};
  bytes = encode(state);
  auto got = decode_backup_state(bytes);
  REQUIRE(got.has_value());
  CHECK(got->phase == state.phase);
  CHECK(got->bytes == state.bytes);
  CHECK(got->failure == state.failure);
  for (std::size_t length = 0; length < bytes.size(); ++length)
    CHECK(decode_backup_state(bytes.substr(0, length)).error().code == atl::errc::corrupt);
  bytes[0] = 100; // no such phase
  CHECK_FALSE(decode_backup_state(bytes).has_value());
}
