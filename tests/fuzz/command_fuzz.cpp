#include "fuzzing.hpp"
#include "namespace/command.hpp"

void fuzzing::try_bytes(std::string_view bytes) {
  check_one_encoding(dfs::decode_command(bytes), bytes);
}
