#include "../one_replica.hpp"
#include "paxos.hpp"
#include "wire.hpp"

/// Each message waits for the record that it depends on, and for no later record.
using namespace atl::paxos;
using under_test::must_have_sent;
using under_test::one_replica;

namespace {

accept_request values(atl::spi::log_index first, std::size_t count, atl::spi::log_index committed) {
  accept_request it;
  it.first = first;
  it.committed = committed;
  it.values.resize(count);
  return it;
}

} // namespace

TEST_CASE("a promise waits for its record") {
  one_replica it{paxos::plugin()};
  it.all_is_durable();
  it.step(2, encode(make_ballot(1, 2), prepare_request{1, {}, false, false}));
  CHECK(must_have_sent<promise>(it, decode).ok);
  CHECK(it.sent().after == it.last_token());
}

TEST_CASE("a candidate asks for promises once its own promise is durable") {
  one_replica it{paxos::plugin()};
  it.all_is_durable();
  it.wait_for_a_message();
  auto asked = decode(it.sent().bytes);
  REQUIRE(asked.has_value());
  promise granted;
  granted.asked = asked->ballot;
  granted.pre_vote = granted.ok = true;
  it.step(2, encode(0, granted));
  CHECK_FALSE(must_have_sent<prepare_request>(it, decode).pre_vote);
  CHECK(it.sent().after == it.last_token());
}

TEST_CASE("an acknowledgement waits for the records of what was accepted") {
  one_replica it{paxos::plugin()};
  it.step(2, encode(make_ballot(1, 2), prepare_request{1, {}, false, false}));
  it.all_is_durable();
  it.step(2, encode(make_ballot(1, 2), values(1, 2, 0)));
  CHECK(must_have_sent<accept_response>(it, decode).match == 2);
  CHECK(it.sent().after == it.last_token());
}

TEST_CASE("no message waits for a cut of the log") {
  one_replica it{paxos::plugin(), {{"keep_entries", "0"}}};
  it.step(2, encode(make_ballot(1, 2), values(1, 2, 0)));
  it.all_is_durable();
  it.step(2, encode(make_ballot(1, 2), values(3, 0, 2)));
  auto before = it.last_token();
  it.applied_up_to(2);
  REQUIRE(it.last_token() > before);
  it.step(2, encode(make_ballot(1, 2), values(1, 2, 2)));
  CHECK(must_have_sent<accept_response>(it, decode).match == 2);
  CHECK(it.sent().after == 0);
}
