#include "common/check_protocol.hpp"
#include "common/master_protocol.hpp"
#include "common/rebalance_protocol.hpp"
#include "common/scrub_protocol.hpp"
#include "fuzzing.hpp"

void fuzzing::try_bytes(std::string_view bytes) {
  using namespace dfs::protocol;
  switch (take_byte(bytes)) {
  case 0:
    return check_one_encoding(decode_storage_heartbeat(bytes), bytes);
  case 1:
    return check_one_encoding(decode_storage_commands(bytes), bytes);
  case 2:
    return check_one_encoding(decode_allocate_request(bytes), bytes);
  case 3:
    return check_one_encoding(decode_allocate_response(bytes), bytes);
  case 4:
    return check_one_encoding(decode_finish_request(bytes), bytes);
  case 5:
    return check_one_encoding(decode_renew_request(bytes), bytes);
  case 6:
    return check_one_encoding(decode_collect_request(bytes), bytes);
  case 7:
    return check_one_encoding(decode_collect_state(bytes), bytes);
  case 8:
    return check_one_encoding(decode_cluster_info(bytes), bytes);
  case 9:
    return check_one_encoding(decode_check_request(bytes), bytes);
  case 10:
    return check_one_encoding(decode_check_state(bytes), bytes);
  case 11:
    return check_one_encoding(decode_scrub_request(bytes), bytes);
  case 12:
    return check_one_encoding(decode_scrub_state(bytes), bytes);
  case 13:
    return check_one_encoding(decode_rebalance_request(bytes), bytes);
  case 14:
    return check_one_encoding(decode_rebalance_state(bytes), bytes);
  default:
    return;
  }
}
