#include "../one_replica.hpp"
#include "raft.hpp"
#include "wire.hpp"

/// Each message waits for the record that it depends on, and for no later record.
using namespace atl::raft;
using under_test::must_have_sent;
using under_test::one_replica;
namespace spi = atl::spi;

namespace {

append_request entries(spi::log_index previous, std::size_t count, spi::log_index commit) {
  append_request it{previous, previous == 0 ? 0u : 1u, commit, 1, 0, 1, spi::timestamp{1}, {}};
  for (std::size_t i = 0; i < count; ++i)
    it.entries.push_back({1, entry_type::no_op, {}, 0});
  return it;
}

} // namespace

TEST_CASE("an acknowledgement in a new term waits for the term") {
  one_replica it{raft::plugin()};
  it.all_is_durable();
  it.step(2, encode(1, entries(0, 0, 0)));
  CHECK(must_have_sent<append_response>(it, decode).fits);
  CHECK(it.sent().after == it.last_token());
}

TEST_CASE("a vote waits for its record, also in a term that was known before") {
  one_replica it{raft::plugin()};
  it.step(2, encode(5, append_response{}));
  it.all_is_durable();
  auto before = it.last_token();
  it.step(3, encode(5, vote_request{0, 0, false, false}));
  CHECK(must_have_sent<vote_response>(it, decode).granted);
  CHECK(it.sent().after > before);
  CHECK(it.sent().after == it.last_token());
}

TEST_CASE("a promise to grant no vote waits for its record, also in a term that was known before") {
  one_replica before{raft::plugin()};
  before.step(2, encode(1, entries(0, 0, 0)));
  spi::stable_state stable;
  stable.meta = before.meta();
  one_replica it{raft::plugin(), {{"lease", "true"}}, stable};
  it.step(2, encode(1, entries(0, 0, 0)));
  CHECK(must_have_sent<append_response>(it, decode).promise > spi::timestamp{0});
  CHECK(it.last_token() > 0);
  CHECK(it.sent().after == it.last_token());
}

TEST_CASE("no message waits for a cut of the log") {
  one_replica it{raft::plugin(), {{"keep_entries", "0"}}};
  it.step(2, encode(1, entries(0, 2, 2)));
  it.all_is_durable();
  auto before = it.last_token();
  it.applied_up_to(2);
  REQUIRE(it.last_token() > before);
  it.step(2, encode(1, entries(2, 0, 2)));
  CHECK(must_have_sent<append_response>(it, decode).match == 2);
  CHECK(it.sent().after == 0);
}
