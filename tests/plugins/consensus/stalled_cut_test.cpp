#include "protocol_under_test.hpp"
#include "stalled_cut.hpp"

TEST_CASE("a replica whose disk stalls during a cut of its log still sends messages") {
  under_test::send_heartbeats_while_a_cut_waits(under_test::protocol());
}
TEST_CASE("reads are answered while a cut of the log waits for a stalled disk") {
  under_test::read_while_a_cut_waits(under_test::protocol());
}
