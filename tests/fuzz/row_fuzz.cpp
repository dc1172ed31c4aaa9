#include "fuzzing.hpp"
#include "namespace/keys.hpp"
#include "namespace/records.hpp"

using namespace dfs;

namespace {

template <class Record>
void try_value(std::string_view bytes) {
  Record record;
  if (state::decode(bytes, record))
    fuzzing::promise(state::encode(record) == bytes);
}

void try_key(std::string_view key) {
  namespace keys = state::keys;
  keys::inode_in(key);
  keys::id_in(key);
  keys::chunk_in(key);
  keys::extent_end_in(key);
  keys::chunk_on_node_in(key);
  keys::incomplete_in(key);
  keys::policy_with_digest_in(key);
  keys::held_in(key);
  keys::trash_in(key);
  keys::name_in(key);
  keys::setting_in(key);
}

} // namespace

void fuzzing::try_bytes(std::string_view bytes) {
  switch (take_byte(bytes)) {
  case 0:
    return try_key(bytes);
  case 1:
    return try_value<state::meta>(bytes);
  case 2:
    return try_value<state::dirent>(bytes);
  case 3:
    return try_value<state::inode>(bytes);
  case 4:
    return try_value<state::extent>(bytes);
  case 5:
    return try_value<state::stored_chunk>(bytes);
  case 6:
    return try_value<state::storage_record>(bytes);
  case 7:
    return try_value<state::mount_record>(bytes);
  case 8:
    return try_value<state::setting_record>(bytes);
  case 9:
    return try_value<policy>(bytes);
  case 10: {
    std::uint32_t id = 0;
    if (state::decode_id(bytes, id))
      promise(state::encode_id(id) == bytes);
    return;
  }
  case 11: {
    std::string value;
    if (state::decode_bytes(bytes, value))
      promise(state::encode_bytes(value) == bytes);
    return;
  }
  case 12:
    return try_value<state::trash_record>(bytes);
  case 13:
    return try_value<state::trash_walk>(bytes);
  default:
    return;
  }
}
