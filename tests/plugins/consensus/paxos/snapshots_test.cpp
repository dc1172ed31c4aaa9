#include "../late_snapshot.hpp"
#include "paxos.hpp"

TEST_CASE("a request whose entry a snapshot stands for is answered") {
  under_test::answer_whom_a_snapshot_overtakes(paxos::plugin());
}
