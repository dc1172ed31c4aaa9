#include "bulk/bulk_protocol.hpp"
#include "fuzzing.hpp"

namespace {

template <class Decoded>
void check(const Decoded& decoded, std::string_view bytes) {
  if (decoded)
    fuzzing::promise(dfs::wire::encode(*decoded) == bytes);
}

} // namespace

void fuzzing::try_bytes(std::string_view bytes) {
  using namespace dfs::wire;
  switch (take_byte(bytes)) {
  case 0:
    if (auto head = decode_header(bytes))
      matches(*head, bytes);
    return;
  case 1:
    return check(decode_read(bytes), bytes);
  case 2:
    return check(decode_write(bytes), bytes);
  case 3:
    return check(decode_report(bytes), bytes);
  case 4:
    return check(decode_copy(bytes), bytes);
  case 5:
    return check(decode_probe(bytes), bytes);
  case 6:
    (void)decode_reply(bytes);
    return;
  case 7:
    return check(decode_read_reply(bytes, 0, 100'000), bytes);
  case 8:
    return check(decode_write_reply(bytes), bytes);
  case 9:
    return check(decode_probe_reply(bytes), bytes);
  default:
    (void)decode_report_reply(bytes);
  }
}
