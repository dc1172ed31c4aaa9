#include "fuzzing.hpp"
#include "namespace/query.hpp"

void fuzzing::try_bytes(std::string_view bytes) {
  auto decoded = dfs::decode_query(bytes);
  (void)dfs::is_about_one_entry(bytes);
  if (decoded)
    promise(dfs::encode(*decoded) == bytes);
}
