#include "protocol_under_test.hpp"
#include "stalled_cut.hpp"

TEST_CASE("a replica whose disk stalls while its log is cut goes on speaking") {
  under_test::send_heartbeats_while_a_cut_waits(under_test::protocol());
}
TEST_CASE("reads are answered while a cut of the log waits for a disk that stalls") {
  under_test::read_while_a_cut_waits(under_test::protocol());
}
