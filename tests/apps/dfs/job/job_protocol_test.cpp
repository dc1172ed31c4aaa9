#include "job/job_protocol.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace dfs::job;

namespace {

piece_request sample() {
  piece_request it;
  it.job = 7;
  it.spec = {job_kind::grep, "a+"};
  it.chunk = {1, 2};
  it.chunk_bytes = 100;
  it.fragments = 3;
  it.offset = 40;
  it.length = 60;
  return it;
}

bool is_taken(const piece_request& it) {
  return decode_piece_request(encode(it)).has_value();
}

} // namespace

TEST_CASE("a piece of a job is read back, and nothing that was cut") {
  auto bytes = encode(sample());
  auto read = decode_piece_request(bytes);
  REQUIRE(read.has_value());
  CHECK(read->job == 7);
  CHECK(read->spec == sample().spec);
  CHECK(read->chunk == dfs::chunk_id{1, 2});
  CHECK(read->offset == 40);
  CHECK(read->length == 60);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(!decode_piece_request(bytes.substr(0, size)).has_value());
  auto longer = bytes + "x";
  CHECK(!decode_piece_request(longer).has_value());
}

TEST_CASE("a range that isn't in its chunk, and a chunk of too many fragments, are malformed") {
  CHECK(is_taken(sample()));
  auto it = sample();
  it.length = 0;
  CHECK(!is_taken(it));
  it.length = 61;
  CHECK(!is_taken(it));
  it.offset = 101;
  it.length = ~std::uint64_t{0};
  CHECK(!is_taken(it));
  it = sample();
  it.fragments = fragments_max + 1;
  CHECK(!is_taken(it));
}

TEST_CASE("a cancellation is read back, and nothing else") {
  auto read = decode_cancel_request(encode(cancel_request{9}));
  REQUIRE(read.has_value());
  CHECK(read->job == 9);
  CHECK(!decode_cancel_request("").has_value());
  CHECK(!decode_cancel_request("123456789").has_value());
}
