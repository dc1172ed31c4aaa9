#include "namespace/state_reader.hpp"

#include "namespace/keys.hpp"
#include "namespace/write_buffer.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;

template <class Record>
std::optional<Record> state_reader::find(const std::string& key, std::string_view what) {
  std::string bytes;
  if (failure_ || !get(key, bytes))
    return std::nullopt;
  Record record;
  if (!decode(bytes, record)) {
    fail_damaged(what);
    return std::nullopt;
  }
  return record;
}

std::optional<dirent> state_reader::find_entry(inode_id parent, std::string_view name) {
  return find<dirent>(keys::entry(parent, name), "a directory entry");
}

std::optional<stored_chunk> state_reader::find_chunk(const chunk_id& id) {
  return find<stored_chunk>(keys::chunk(id), "a chunk's record");
}

std::optional<session_record> state_reader::find_session(const session_id& id) {
  return find<session_record>(keys::session(id), "a session's record");
}

std::optional<storage_record> state_reader::find_storage(storage_id id) {
  return find<storage_record>(keys::storage(id), "a storage node's record");
}

std::optional<member_record> state_reader::find_member(std::uint32_t id) {
  return find<member_record>(keys::member(id), "a master's record");
}

std::string state_reader::find_birth() {
  std::string bytes;
  if (!failure_ && get(keys::birth(), bytes))
    return bytes;
  return {};
}

std::optional<storage_id> state_reader::find_storage_by_name(std::string_view name) {
  return find<storage_id>(keys::storage_by_name(name), "a storage node's name");
}

std::optional<storage_id> state_reader::find_storage_by_uuid(std::string_view uuid) {
  return find<storage_id>(keys::storage_by_uuid(uuid), "a storage node's data folder");
}

inode state_reader::must_inode(inode_id id) {
  auto found = find<inode>(keys::inode(id), "an inode");
  if (!found)
    fail_damaged(fmt::format("inode {}, which an entry names,", id));
  return found.value_or(inode{});
}

std::string state_reader::must_content(inode_id id, std::uint64_t size_bytes) {
  std::string bytes;
  if (failure_ || size_bytes == 0)
    return bytes;
  if (!get(keys::content(id), bytes) || bytes.size() != size_bytes)
    fail_damaged(fmt::format("the content of inode {}", id));
  return bytes;
}

stored_chunk state_reader::must_chunk(const chunk_id& id) {
  auto found = find_chunk(id);
  if (!found)
    fail_damaged(fmt::format("chunk {}, which a file refers to,", to_string(id)));
  return found.value_or(stored_chunk{});
}

void state_reader::for_each_member(
    const std::function<void(std::uint32_t, const member_record&)>& visit) {
  scan(keys::all_members(), keys::all_members(), [&](auto key, auto value) {
    member_record record;
    auto id = keys::member_in(key);
    if (!id || !decode(value, record)) {
      fail_damaged("a master's record");
      return false;
    }
    visit(*id, record);
    return true;
  });
}

void state_reader::fail_damaged(std::string_view what) {
  if (!failure_)
    failure_ = {errc::corrupt,
                fmt::format("{} is missing or unreadable in the name space's database; {}", what,
                            rebuild_advice)};
}

void state_reader::fail(const rocksdb::Status& status) {
  needs_disk_ = needs_disk_ || status.IsIncomplete();
  if (!failure_)
    failure_ = to_error(status);
}

void state_reader::scan_table(rocksdb::DB& db, const write_buffer& rows,
                              const rocksdb::ReadOptions& how, std::string_view prefix,
                              std::string_view from, const visitor& visit) {
  if (failure_)
    return;
  if (!keys::is_in_order(prefix))
    return fail(rocksdb::Status::NotSupported("rows that are unwritten are in no order"));
  auto done = scan_over(db, rows.in_order(), how, from, keys::end_of(prefix), visit);
  if (!done.ok())
    fail(done);
}

void present_reader::scan(std::string_view prefix, std::string_view from, const visitor& visit) {
  scan_table(db_, buffer_, how_, prefix, from, visit);
}

meta present_reader::must_meta() {
  std::string bytes;
  meta value;
  if (!get(keys::meta(), bytes) || !decode(bytes, value))
    fail_damaged("the record of the name space's index");
  return value;
}

bool present_reader::get(const std::string& key, std::string& value) {
  if (auto* row = buffer_.find(key)) {
    if (row->value)
      value = *row->value;
    return row->value.has_value();
  }
  auto status = db_.Get(how_, key, &value);
  if (!status.ok() && !status.IsNotFound())
    fail(status);
  return status.ok();
}

rocksdb::ReadOptions read_options(reads from) {
  rocksdb::ReadOptions options;
  options.read_tier = from == reads::memory ? rocksdb::kBlockCacheTier : rocksdb::kReadAllTier;
  return options;
}

atl::error to_error(const rocksdb::Status& status) {
  auto text = status.ToString();
  if (status.IsCorruption())
    return {errc::corrupt,
            fmt::format("the name space's database is damaged ({}); {}", text, rebuild_advice)};
  if (status.IsNoSpace())
    return {errc::no_space, fmt::format("no space is left for the name space's database ({}): "
                                        "free some on its disk",
                                        text)};
  return {errc::io, fmt::format("the name space's database failed ({}): look at its disk", text)};
}

} // namespace dfs::state
