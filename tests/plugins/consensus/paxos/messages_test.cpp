#include "../quiet_network.hpp"
#include "../stalled_cut.hpp"
#include "paxos.hpp"

TEST_CASE("a replica that joins over a network that mixes up messages makes no storm of them") {
  under_test::join_out_of_order(paxos::plugin());
}
TEST_CASE("who can't be reached is spoken to as often as heartbeats want it") {
  under_test::speak_to_nobody(paxos::plugin());
}
TEST_CASE("entries that wait for a slow disk aren't sent again") {
  under_test::wait_for_a_slow_disk(paxos::plugin());
}
TEST_CASE("an acknowledgement of what is durable doesn't wait for a cut behind it") {
  under_test::acknowledge_while_a_cut_waits(paxos::plugin());
}
