#include "names_fixture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

// What the audit finds in rows that were altered behind the state's back.
using namespace names;
namespace keys = state::keys;

namespace {

/// A name space with rows in each table.
class full_subject {
 public:
  full_subject() {
    it.register_storages();
    whole = it.chunk(1);
    partial = it.chunk(2);
    partial.nodes = {3, 0};
    mount = it.run(commands::begin_mount{"m"})->id;
    REQUIRE(it.put("/d/e/f", std::vector{whole, partial}).has_value());
    REQUIRE(it.run(commands::link{at("/d/e/f"), at("/l")}).has_value());
    REQUIRE(it.put("/text", "text").has_value());
    REQUIRE(it.run(new_symlink(at("/s"), "target")).has_value());
    REQUIRE(it.run(commands::set_xattr{at("/text"), "user.x", "value"}).has_value());
    REQUIRE(it.run(commands::configure{"key", "value", {}}).has_value());
    REQUIRE(it.put("/kept").has_value());
    kept = it.inode("/kept");
    REQUIRE(it.run(commands::unlink{at("/kept"), {}, false, {mount}}).has_value());
    REQUIRE(it.put("/gone/f").has_value());
    gone = it.inode("/gone");
    REQUIRE(it.remove("/gone", true).has_value());
    file = it.inode("/l");
    directory = it.inode("/d");
    rows = it.rows();
  }

  /// The row's value, decoded, changed and encoded.
  template <class Record>
  void change(const std::string& key, const std::function<void(Record&)>& change) {
    Record record;
    REQUIRE(decode(rows.at(key), record));
    change(record);
    rows[key] = encode(record);
  }
  void change_inode(inode_id id, const std::function<void(state::inode&)>& how) {
    change<state::inode>(keys::inode(id), how);
  }
  void change_chunk(const std::function<void(state::stored_chunk&)>& how) {
    change<state::stored_chunk>(keys::chunk(whole.id), how);
  }
  void change_meta(const std::function<void(state::meta&)>& how) {
    change<state::meta>(keys::meta(), how);
  }
  void erase(const std::string& key) { REQUIRE(rows.erase(key) == 1); }

  audited_subject it;
  chunk_record whole;
  chunk_record partial;
  mount_id mount = 0;
  inode_id file = 0;
  inode_id directory = 0;
  inode_id kept = 0;
  inode_id gone = 0;
  row_map rows;
};

atl::result<audit_report> audit_in_parts(const row_map& rows, std::size_t inodes,
                                         std::size_t chunks) {
  audit_options how;
  how.inodes_at_once_max = inodes;
  how.chunks_at_once_max = chunks;
  return audit_rows(
      [&](const atl::row_visitor& visit) -> atl::status {
        for (const auto& [key, value] : rows)
          if (!visit(key, value))
            break;
        return {};
      },
      how);
}

/// The parts must find together what is found at once.
void check_parts(const row_map& rows, std::size_t inodes, std::size_t chunks) {
  CAPTURE(inodes);
  CAPTURE(chunks);
  auto parts = audit_in_parts(rows, inodes, chunks);
  REQUIRE(parts.has_value());
  auto whole = findings_in(rows);
  std::ranges::sort(whole);
  std::ranges::sort(parts->findings);
  CHECK(parts->findings == whole);
  CHECK(parts->total == whole.size());
}

/// Some finding must say this after the damage.
void check_found(const char* says, const std::function<void(full_subject&)>& damage) {
  CAPTURE(says);
  full_subject names;
  REQUIRE(findings_in(names.rows).empty());
  damage(names);
  std::string all;
  for (const auto& finding : findings_in(names.rows))
    all += finding + "\n";
  CHECK_MESSAGE(all.find(says) != std::string::npos, all);
  check_parts(names.rows, 1, 1);
  check_parts(names.rows, 3, 1000);
  check_parts(names.rows, 1000, 1);
}

} // namespace

TEST_CASE("wrong counts of an inode are found") {
  check_found("number of names of inode",
              [](auto& n) { n.change_inode(n.file, [](auto& i) { i.links = 3; }); });
  check_found("number of links of directory",
              [](auto& n) { n.change_inode(n.directory, [](auto& i) { i.links = 2; }); });
  check_found("number of entries of inode",
              [](auto& n) { n.change_inode(root_inode, [](auto& i) { ++i.entries; }); });
  check_found("number of subdirectories of inode", [](auto& n) {
    n.change_inode(n.directory, [](auto& i) { i.subdirectories = 0, i.links = 2; });
  });
  check_found("number of extents of inode",
              [](auto& n) { n.change_inode(n.file, [](auto& i) { ++i.extents; }); });
  check_found("size of the attributes of inode", [](auto& n) {
    n.change_inode(n.it.inode("/text"), [](auto& i) { --i.xattr_bytes; });
  });
  check_found("content of inode", [](auto& n) {
    n.change_inode(n.it.inode("/text"), [](auto& i) { ++i.inline_bytes; });
  });
  check_found("number of mounts that keep inode",
              [](auto& n) { n.change_inode(n.kept, [](auto& i) { ++i.holders; }); });
  check_found("nothing will reclaim it", [](auto& n) { n.erase(keys::orphan(n.gone)); });
  check_found("as if it had none",
              [](auto& n) { n.rows[keys::orphan(n.file)] = state::encode_bytes({}); });
  check_found("mounts keep it",
              [](auto& n) { n.rows[keys::orphan(n.kept)] = state::encode_bytes({}); });
  check_found("has policy 9",
              [](auto& n) { n.change_inode(n.file, [](auto& i) { i.policy = 9; }); });
}

TEST_CASE("names that lead nowhere, or to something else, are found") {
  check_found("which doesn't exist", [](auto& n) { n.erase(keys::inode(n.file)); });
  check_found("isn't a directory", [](auto& n) {
    n.rows[keys::entry(n.file, "x")] = encode(state::dirent{n.kept, inode_type::file});
  });
  check_found("says that inode", [](auto& n) {
    n.rows[keys::entry(root_inode, "l")] = encode(state::dirent{n.file, inode_type::fifo});
  });
  check_found("as its parent",
              [](auto& n) { n.change_inode(n.directory, [](auto& i) { i.parent = 9; }); });
  check_found("number of names of directory", [](auto& n) {
    n.rows[keys::entry(root_inode, "x")] =
        encode(state::dirent{n.directory, inode_type::directory});
  });
  check_found("removed directory", [](auto& n) {
    n.rows[keys::entry(root_inode, "x")] = encode(state::dirent{n.gone, inode_type::directory});
  });
  check_found("is below itself", [](auto& n) {
    auto below = n.it.inode("/d/e");
    n.erase(keys::entry(root_inode, "d"));
    n.rows[keys::entry(below, "d")] = encode(state::dirent{n.directory, inode_type::directory});
    n.change_inode(n.directory, [&](auto& i) { i.parent = below; });
  });
  check_found("no root", [](auto& n) { n.erase(keys::inode(root_inode)); });
  check_found("attributes of inode 99",
              [](auto& n) { n.rows[keys::xattr(99, "user.x")] = state::encode_bytes("value"); });
  check_found("inode 99 is to be reclaimed",
              [](auto& n) { n.rows[keys::orphan(99)] = state::encode_bytes({}); });
  check_found("keeps inode 99",
              [](auto& n) { n.rows[keys::held_by(n.mount, 99)] = state::encode_mark(); });
  check_found("doesn't exist itself", [](auto& n) { n.erase(keys::mount(n.mount)); });
}

TEST_CASE("wrong content is found") {
  auto extent_of = [](std::uint64_t begin, std::string text) {
    return encode(state::extent{begin, std::move(text)});
  };
  check_found("two contents from byte",
              [&](auto& n) { n.rows[keys::extent(n.file, 95)] = extent_of(90, "12345"); });
  check_found("content up to byte 305",
              [&](auto& n) { n.rows[keys::extent(n.file, 305)] = extent_of(300, "12345"); });
  check_found("has 5 bytes of content from byte 300 to 310",
              [&](auto& n) { n.rows[keys::extent(n.file, 310)] = extent_of(300, "12345"); });
  check_found("can't be read",
              [&](auto& n) { n.rows[keys::extent(n.file, 300)] = extent_of(300, ""); });
  check_found("and doesn't exist",
              [&](auto& n) { n.rows[keys::extent(99, 5)] = extent_of(0, "12345"); });
  check_found("a directory, has content",
              [&](auto& n) { n.rows[keys::extent(n.directory, 5)] = extent_of(0, "12345"); });
  check_found("no complete target",
              [](auto& n) { n.change_inode(n.it.inode("/s"), [](auto& i) { ++i.size_bytes; }); });
  check_found("beyond the end of chunk",
              [](auto& n) { n.change_chunk([](auto& c) { c.size_bytes = 99; }); });
  check_found("which doesn't exist", [](auto& n) { n.erase(keys::chunk(n.whole.id)); });
}

TEST_CASE("wrong records of chunks, and wrong indexes over them, are found") {
  check_found("number of references",
              [](auto& n) { n.change_chunk([](auto& c) { ++c.references; }); });
  check_found("number of live bytes",
              [](auto& n) { n.change_chunk([](auto& c) { --c.live_bytes; }); });
  check_found("nothing refers to chunk", [](auto& n) {
    n.rows[keys::chunk({1, 1})] = n.rows.at(keys::chunk(n.whole.id));
  });
  check_found("stored fragments of chunk",
              [](auto& n) { n.erase(keys::fragment_on(2, n.whole.id, 1)); });
  check_found("which the chunk's record doesn't say",
              [](auto& n) { n.rows[keys::fragment_on(3, n.whole.id, 1)] = state::encode_mark(); });
  check_found("storage node 9, which doesn't exist",
              [](auto& n) { n.change_chunk([](auto& c) { c.nodes[0] = 9; }); });
  check_found("isn't listed as incomplete",
              [](auto& n) { n.erase(keys::incomplete(1, n.partial.id)); });
  check_found("which its record doesn't say",
              [](auto& n) { n.rows[keys::incomplete(0, n.partial.id)] = state::encode_mark(); });
  check_found("which its record doesn't say",
              [](auto& n) { n.rows[keys::incomplete(1, n.whole.id)] = state::encode_mark(); });
  check_found("another number of fragments than its policy",
              [](auto& n) { n.change_chunk([](auto& c) { c.nodes.push_back(0); }); });
  check_found("has policy 9", [](auto& n) { n.change_chunk([](auto& c) { c.policy = 9; }); });
}

TEST_CASE("wrong counters are found") {
  using state::meta;
  auto check = [](const char* says, auto field) {
    check_found(says, [&](auto& n) { n.change_meta([&](meta& m) { ++(m.*field); }); });
  };
  check("number of files", &meta::files);
  check("number of directories", &meta::directories);
  check("number of other inodes", &meta::others);
  check("number of chunks", &meta::chunks);
  check("number of incomplete chunks", &meta::incomplete_chunks);
  check("size of all files", &meta::bytes);
  check("content in the name space", &meta::inline_bytes);
  check("number of inodes to be reclaimed", &meta::orphans);
  check("number of settings", &meta::settings);
  check("number of mounts", &meta::live_mounts);
  check("number of ended mounts", &meta::ended_mounts);
  check("number of policies", &meta::policies);
  check("number of storage nodes", &meta::storages);
  check_found("a second time", [](auto& n) { n.change_meta([](meta& m) { m.next_inode = 3; }); });
  check_found("a second time", [](auto& n) { n.change_meta([](meta& m) { m.mounts = 0; }); });
  check_found("no record of the counters", [](auto& n) { n.erase(keys::meta()); });
}

TEST_CASE("wrong indexes of storage nodes and policies are found") {
  check_found("isn't found by its data folder",
              [](auto& n) { n.erase(keys::storage_by_uuid("uuid of one")); });
  check_found("isn't found by its name", [](auto& n) { n.erase(keys::storage_by_name("one")); });
  check_found("which hasn't that name",
              [](auto& n) { n.rows[keys::storage_by_name("one")] = state::encode_id(2); });
  check_found("which isn't in it",
              [](auto& n) { n.rows[keys::storage_by_uuid("other")] = state::encode_id(2); });
  check_found("number of policies with the id 1",
              [](auto& n) { n.erase(n.rows.lower_bound("P")->first); });
  check_found("found by its digest, and doesn't exist", [](auto& n) { n.erase(keys::policy(1)); });
}

TEST_CASE("rows of no table, of an unknown version or in no order are found") {
  check_found("belongs to no table", [](auto& n) { n.rows.emplace("z", std::string{}); });
  for (std::string table :
       {"M", "N", "P", "S", "U", "a", "d", "c", "i", "k", "m", "o", "p", "t", "x"})
    check_found("can't be read", [&](auto& n) {
      auto found = n.rows.lower_bound(table);
      REQUIRE(found->first.starts_with(table));
      if (table == "o")
        n.rows.emplace("o", std::string{}); // its rows say all by their keys
      else
        found->second.assign(1, 0x7f);
    });
  for (std::string table : {"f", "u"})
    check_found("can't be read", [&](auto& n) { n.rows[table] = state::encode_mark(); });
  state::auditor auditor;
  auditor.take("k2", encode(state::setting_record{}));
  auditor.take("k1", encode(state::setting_record{}));
  auto report = auditor.finish();
  CHECK(report.rows == 2);
  CHECK(report.findings.front().find("isn't in order") != std::string::npos);
}

TEST_CASE("only the first findings are kept, and all are counted") {
  state::auditor auditor;
  for (int i = 0; i < 3000; ++i)
    auditor.take(fmt::format("z{}", 10'000 + i), "");
  auto report = auditor.finish();
  CHECK(report.findings.size() == audit_report::findings_max);
  CHECK(report.total > 3000);
}

TEST_CASE("a name space on a disk is audited with all its rows, written or not") {
  subject names;
  names.register_storages();
  REQUIRE(names.put("/a/f", std::vector{names.chunk(1)}).has_value());
  REQUIRE(names.names().flush().has_value());
  REQUIRE(names.put("/b/g").has_value());
  auto report = audit(names.names());
  REQUIRE(report.has_value());
  CHECK(report->total == 0);
  CHECK(report->rows > 15);
  CHECK(report->inodes == 5); // with the root
  CHECK(report->entries == 4);
  CHECK(report->chunks == 1);
  // As a running master does: of a copy, while commands go on.
  temporary_folder copies;
  REQUIRE(names.names().save(copies / "copy").has_value());
  REQUIRE(names.put("/later").has_value());
  CHECK(audit_copy(copies / "copy") == report);
}

TEST_CASE("an audit says how far it is, and stops when it is told to") {
  full_subject names;
  for (int i = 0; i < 9000; ++i)
    names.rows.emplace(keys::setting(fmt::format("k{}", i)), encode(state::setting_record{}));
  const auto rows = names.rows.size();
  row_map sound = names.rows;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> calls;
  audit_options how;
  how.inodes_at_once_max = 4;
  auto source = [&](const atl::row_visitor& visit) -> atl::status {
    for (const auto& [key, value] : sound)
      if (!visit(key, value))
        break;
    return {};
  };
  how.progress = [&](std::uint64_t done, std::uint64_t total) {
    calls.emplace_back(done, total);
    return true;
  };
  auto report = audit_rows(source, how);
  REQUIRE(report.has_value());
  CHECK(report->rows == rows);
  CHECK(calls.front().second == 0); // being counted
  CHECK(calls.back().second % rows == 0);
  CHECK(calls.back().second > 3 * rows); // each part takes a pass
  CHECK(calls.back().first <= calls.back().second);

  how.progress = [&](std::uint64_t, std::uint64_t total) { return total == 0; };
  auto stopped = audit_rows(source, how);
  REQUIRE_FALSE(stopped.has_value());
  CHECK(stopped.error().code == errc::unavailable);
}
