#include "each_kind.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <set>

// The bytes of rows, commands, queries and responses, which other releases read and wrote. After a
// change that is meant: another version, and the new bytes, which
// ATOLL_WRITE_GOLDEN_BYTES=1 test_dfs_namespace --test-case='the bytes of*' writes.
using namespace names;

namespace {

using lines = std::map<std::string, std::string>;

std::string hex(std::string_view bytes) {
  std::string text;
  for (unsigned char byte : bytes)
    text += fmt::format("{:02x}", byte);
  return text;
}

const chunk_record some_chunk{{birth_us, 7}, 100, {1, 0, 3}, 0x12345678, 2};

state::inode some_inode() {
  state::inode made;
  made.type = inode_type::char_device;
  made.mode = 04755;
  made.uid = 1;
  made.gid = 2;
  made.links = 3;
  made.device = 4;
  made.size_bytes = 5;
  made.atime_ns = -6;
  made.mtime_ns = 7;
  made.ctime_ns = 8;
  made.btime_ns = 9;
  made.version = 10;
  made.data_version = 11;
  made.parent = 12;
  made.entries = 13;
  made.extents = 14;
  made.policy = 15;
  made.quota_root = 16;
  made.subdirectories = 17;
  made.holders = 18;
  made.xattr_bytes = 19;
  made.inline_bytes = 20;
  made.trash_expires_us = 21;
  return made;
}

void add_rows(lines& all) {
  auto row = [&](const char* name, const std::string& key, const std::string& value) {
    all[fmt::format("row {}", name)] = hex(key) + " " + hex(value);
  };
  namespace keys = state::keys;
  row("meta", keys::meta(), encode(state::meta{1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                               13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}));
  row("entry", keys::entry(0x0102, "name"), encode(state::dirent{3, inode_type::symlink}));
  row("inode", keys::inode(0x0102), encode(some_inode()));
  row("extent of a chunk", keys::extent(0x0102, 0x0304),
      encode(state::extent{5, state::extent::part{{6, 7}, 8}}));
  row("extent of bytes", keys::extent(0x0102, 0x0304),
      encode(state::extent{5, std::string{"text"}}));
  row("xattr", keys::xattr(0x0102, "user.x"), state::encode_bytes("value"));
  row("orphan", keys::orphan(0x0102), state::encode_bytes("from"));
  row("chunk", keys::chunk({0x0102, 0x0304}), encode(state::stored_chunk{1, 2, 3, {4, 0}, 5, 6}));
  row("fragment", keys::fragment_on(0x0102, {3, 4}, 5), state::encode_mark());
  row("incomplete", keys::incomplete(1, {3, 4}), state::encode_mark());
  row("storage", keys::storage(0x0102),
      encode(state::storage_record{"name", "uuid", storage_state::dead}));
  row("storage by name", keys::storage_by_name("name"), state::encode_id(0x0102));
  row("storage by uuid", keys::storage_by_uuid("uuid"), state::encode_id(0x0102));
  row("policy", keys::policy(0x0102), state::encode(two_copies()));
  row("policy by digest", keys::policy_by_digest(0x0102, 3), state::encode_mark());
  row("setting", keys::setting("key"), encode(state::setting_record{1, "value"}));
  row("mount", keys::mount(0x0102), encode(state::mount_record{"name", 3, true}));
  row("trash", keys::trash(0x0102, 3), encode(state::trash_record{1, {2, "a/b"}, 3, 4, false}));
  row("trash walk", keys::trash_walk(0x0102),
      encode(state::trash_walk{{{3, "name"}, {4, std::string{}}}}));
  row("held", keys::held_by(1, 2), state::encode_mark());
}

void add_responses(lines& all) {
  auto add = [&](const auto& response) {
    all[fmt::format("response {:02}", std::decay_t<decltype(response)>::tag)] =
        hex(encode_response(response));
  };
  all["response 00"] = hex(encode_response(atl::error{errc::refused, "why"}));
  responses::entry entry{"name", 2, some_inode()};
  add(responses::changed{1, 2, -3});
  add(responses::registered{1});
  add(responses::garbage_collected{1, 2, 3, 4, 5});
  add(entry);
  add(responses::listing{{entry}, true});
  add(responses::opened{
      1, some_inode(), {{2, 3, chunk_part{some_chunk, 4}}, {5, 4, std::string{"text"}}}, true});
  add(responses::summary{"reef",
                         1,
                         2,
                         3,
                         4,
                         5,
                         6,
                         7,
                         8,
                         9,
                         10,
                         11,
                         12,
                         13,
                         14,
                         {{1, "n", "u", storage_state::draining}},
                         true});
  add(responses::chunk_page{{some_chunk}, true});
  add(responses::known_chunks{1, {some_chunk}});
  add(responses::written{1, 2, 3, 4, 5});
  add(responses::defined{1});
  add(responses::relocated{{responses::relocation_outcome::is_elsewhere}});
  add(responses::mounted{1});
  add(responses::answers{{"one", "two"}});
  add(responses::incomplete_page{{{1, some_chunk}}, true});
  add(responses::effective_policy{1, two_copies(), 2, 3});
  add(responses::policy_page{{{1, two_copies()}}, true});
  add(responses::setting_page{{{"key", "value", 1}}, true});
  add(responses::mount_page{{{1, "name", 2}}, true});
  add(responses::xattr_value{"value"});
  add(responses::xattr_names{{"user.x"}, true});
  add(responses::trash_page{
      {{1, inode_type::symlink, {2, "a/b"}, 3, 4, 5, 6, false}}, 7, true, 8, 9});
  add(responses::discarded{1, 2});
  add(responses::unconverted_page{{{1, 2, 3, 4, some_chunk, 5}}, 6, true, {{7, "name"}}, 8});
}

lines present_bytes() {
  lines all;
  add_rows(all);
  std::size_t number = 0;
  for (auto& single : some_actions())
    all[fmt::format("command {:02}", number++)] =
        hex(encode(command{{1, 2}, 3, birth_us, action{single}}));
  all["command batch"] = hex(encode(
      command{{1, 2}, 3, birth_us, commands::batch{{commands::end_mount{1}, commands::make{}}}}));
  number = 0;
  for (auto& query : some_queries())
    all[fmt::format("query {:02}", number++)] = hex(encode(query));
  add_responses(all);
  return all;
}

lines golden_bytes() {
  lines all;
  std::ifstream file{ATOLL_GOLDEN_BYTES};
  REQUIRE(file.is_open());
  for (std::string line; std::getline(file, line);) {
    auto colon = line.find(": ");
    REQUIRE(colon != line.npos);
    all[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return all;
}

} // namespace

TEST_CASE("the bytes of rows, commands, queries and responses are those of the release before") {
  auto present = present_bytes();
  if (std::getenv("ATOLL_WRITE_GOLDEN_BYTES") != nullptr) {
    std::ofstream file{ATOLL_GOLDEN_BYTES};
    for (const auto& [name, bytes] : present)
      file << name << ": " << bytes << "\n";
  }
  auto golden = golden_bytes();
  for (const auto& entry : present) {
    CAPTURE(entry.first);
    CHECK(entry.second == golden[entry.first]);
  }
  CHECK(present.size() == golden.size());
  // Each kind of command and query is among them.
  std::set<std::size_t> kinds;
  for (auto& single : some_actions())
    kinds.insert(single.index());
  CHECK(kinds.size() == std::variant_size_v<single_action>);
  CHECK(some_queries().size() == std::variant_size_v<query_message>);
}
