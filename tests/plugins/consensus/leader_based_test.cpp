#include "late_snapshot.hpp"
#include "lost_leader.hpp"
#include "protocol_under_test.hpp"
#include "quiet_network.hpp"
#include "stalled_cut.hpp"

/// What every protocol with a leader must do besides keeping its promises.
using under_test::protocol;

// -- elections --------------------------------------------------------------------------------

TEST_CASE("a leader whose process ended is replaced before an election timeout") {
  under_test::replace_crashed_leader_early(protocol());
}
TEST_CASE("of replicas that want to campaign at the same time one becomes a candidate") {
  under_test::elect_single_candidate(protocol());
}
TEST_CASE("a leader whose heartbeats arrive keeps leading, however often its connections break") {
  under_test::keep_leader_despite_broken_connections(protocol());
}
TEST_CASE("one replica that lost the leader does not depose the leader while the others receive "
          "heartbeats") {
  under_test::keep_leader_that_one_replica_lost(protocol());
}
TEST_CASE("reads that a crashed leader did not answer are answered by the next leader") {
  under_test::answer_reads_of_crashed_leader(protocol());
}

// -- messages ---------------------------------------------------------------------------------

TEST_CASE("a replica that joins over a network that reorders messages triggers no storm of them") {
  under_test::join_out_of_order(protocol());
}
TEST_CASE("a peer that can't be reached is sent heartbeats only") {
  under_test::send_heartbeats_to_unreachable_peer(protocol());
}
TEST_CASE("entries that wait for a follower's slow disk are not resent") {
  under_test::keep_sent_entries_for_a_slow_disk(protocol());
}
TEST_CASE("an acknowledgement of durable entries doesn't wait for a later cut of the log") {
  under_test::acknowledge_while_a_cut_waits(protocol());
}

// -- snapshots --------------------------------------------------------------------------------

TEST_CASE("a proposal whose entry a snapshot replaces is answered") {
  under_test::answer_proposal_that_a_snapshot_replaces(protocol());
}
