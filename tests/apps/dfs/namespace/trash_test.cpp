#include "contains.hpp"
#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>

// What is removed under a policy with a trash, how it comes back, and when it is gone for good.
using namespace names;

namespace {

constexpr std::uint64_t kept_us = 1000 * second_us;

policy with_trash(std::uint64_t trash_us = kept_us) {
  auto made = two_copies();
  made.trash_us = trash_us;
  return made;
}

/// A name space whose root keeps what is removed for 1000 seconds. Each command takes one.
class subject_with_trash {
 public:
  subject_with_trash() {
    it.register_storages();
    set_policy("/", with_trash());
  }

  void set_policy(const char* path, const policy& what) {
    auto defined = it.run(commands::define_policy{what});
    REQUIRE(defined.has_value());
    REQUIRE(it.run(commands::set_policy{at(path), defined->id}).has_value());
  }
  std::vector<responses::trash_page::item> trash(const char* under = "/") const {
    auto page = it.query(queries::trash{at(under)});
    REQUIRE_MESSAGE(page.has_value(), page.error().message);
    REQUIRE_FALSE(page->more);
    return page->items;
  }
  std::vector<std::string> paths_in_trash(const char* under = "/") const {
    std::vector<std::string> paths;
    for (const auto& item : trash(under))
      paths.push_back(item.from.path);
    return paths;
  }
  atl::result<responses::changed> restore(inode_id inode, const char* to = nullptr) {
    commands::restore wanted{inode};
    if (to != nullptr)
      wanted.to = at(to);
    return it.run(wanted);
  }
  void wait(std::uint64_t seconds) {
    for (std::uint64_t i = 0; i < seconds; ++i)
      REQUIRE(it.run(commands::release{}).has_value());
  }

  audited_subject it;
};

bool tells(const std::vector<std::string>& findings, std::string_view part) {
  return std::ranges::any_of(findings, [&](const auto& text) { return contains(text, part); });
}

using names_in_order = std::vector<std::string>;

} // namespace

TEST_CASE("a removed file is in the trash, out of reach, and comes back as it was") {
  subject_with_trash with;
  auto& it = with.it;
  auto stored = it.chunk(1);
  REQUIRE(it.put("/d/f", {stored}).has_value());
  REQUIRE(it.run(commands::set_xattr{at("/d/f"), "user.x", "value"}).has_value());
  auto before = it.attributes("/d/f");
  auto id = it.inode("/d/f");
  auto removed = it.remove("/d/f");
  REQUIRE(removed.has_value());
  CHECK_FALSE(it.exists("/d/f"));
  CHECK_FALSE(it.query(queries::stat{in(id)}).has_value());
  CHECK(it.fault_of(commands::set_attributes{in(id)}) == errc::not_found);
  CHECK(it.knows(stored));
  auto entries = with.trash();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].inode == id);
  CHECK(entries[0].type == inode_type::file);
  CHECK(entries[0].from == at("/d/f"));
  CHECK(static_cast<std::int64_t>(entries[0].removed_us) == removed->time_ns / 1000);
  CHECK(entries[0].expires_us == entries[0].removed_us + kept_us);
  CHECK(entries[0].bytes == 100);
  CHECK(entries[0].inodes == 1);
  CHECK(entries[0].is_counted);
  CHECK(it.summary().trash_entries == 1);
  CHECK(it.summary().trash_bytes == 100);
  CHECK(it.summary().trash_expires_us == entries[0].expires_us);

  it.collect_garbage();
  auto restored = with.restore(id);
  REQUIRE_MESSAGE(restored.has_value(), restored.error().message);
  CHECK(restored->inode == id);
  auto after = it.attributes("/d/f");
  CHECK(after.version > before.version);
  CHECK(after.ctime_ns > before.ctime_ns);
  after.version = before.version;
  after.ctime_ns = before.ctime_ns;
  CHECK(after == before);
  CHECK(it.query(queries::get_xattr{at("/d/f"), "user.x"})->value == "value");
  CHECK(it.summary().trash_entries == 0);
  CHECK(it.summary().trash_bytes == 0);
  CHECK(it.summary().trash_expires_us == 0);
  CHECK(with.restore(id).error().code == errc::not_found);
}

TEST_CASE("what a put or a rename replaces is in the trash; what has another name isn't") {
  subject_with_trash with;
  auto& it = with.it;
  REQUIRE(it.put("/f", "first").has_value());
  auto first = it.inode("/f");
  REQUIRE(it.put("/f", "second").has_value());
  auto second = it.inode("/f");
  REQUIRE(it.put("/g", "third").has_value());
  REQUIRE(it.rename("/g", "/f").has_value());
  CHECK(with.paths_in_trash() == names_in_order{"f", "f"});
  REQUIRE(with.restore(first, "/first").has_value());
  REQUIRE(with.restore(second, "/second").has_value());
  CHECK(it.text("/first") == "first");
  CHECK(it.text("/second") == "second");
  CHECK(it.text("/f") == "third");

  REQUIRE(it.run(commands::link{at("/f"), at("/other")}).has_value());
  REQUIRE(it.remove("/f").has_value());
  CHECK(with.trash().empty());
  REQUIRE(it.remove("/other").has_value());
  CHECK(with.paths_in_trash() == names_in_order{"other"});

  // An exchange replaces nothing.
  using how = commands::rename::how;
  REQUIRE(it.run(commands::rename{at("/first"), at("/second"), how::exchange, {}}).has_value());
  CHECK(with.trash().size() == 1);
}

TEST_CASE("a removed tree comes back whole, and its files are counted in steps meanwhile") {
  subject_with_trash with;
  auto& it = with.it;
  for (int i = 0; i < 40; ++i)
    REQUIRE(it.put(fmt::format("/d/{:02}/e/f", i), {it.chunk(1)}).has_value());
  REQUIRE(it.put("/d/text", "text").has_value());
  REQUIRE(it.run(commands::link{at("/d/00/e/f"), at("/d/00/e/g")}).has_value());
  auto id = it.inode("/d");
  auto inside = it.inode("/d/05/e");
  REQUIRE(it.remove("/d", true).has_value());
  auto entry = with.trash()[0];
  CHECK_FALSE(entry.is_counted);
  CHECK(entry.inodes == 1);
  CHECK(it.summary().pending_removals == 1);
  REQUIRE(it.run(commands::collect_garbage{0, 10, 0}).has_value());
  entry = with.trash()[0];
  CHECK_FALSE(entry.is_counted);
  CHECK(entry.inodes > 1);
  CHECK(entry.inodes <= 12);
  it.collect_garbage();
  entry = with.trash()[0];
  CHECK(entry.is_counted);
  CHECK(entry.inodes == 1 + 40 * 3 + 2);
  CHECK(entry.bytes == 40 * 100 + 4); // a file with two names counts once
  CHECK(it.summary().trash_bytes == entry.bytes);
  CHECK(it.summary().pending_removals == 0);
  CHECK_FALSE(it.exists("/d"));

  // A directory can't come back below itself, by its inode.
  commands::restore below_itself{id};
  below_itself.to = in(inside, "loop");
  CHECK(it.fault_of(below_itself) == errc::refused);
  REQUIRE(with.restore(id).has_value());
  CHECK(it.text("/d/text") == "text");
  CHECK(chunks_of(*it.open_file("/d/39/e/f")).size() == 1);
  CHECK(it.attributes("/").links == 3);
  CHECK(it.attributes("/d").links == 42);
  CHECK(it.summary().trash_bytes == 0);
}

TEST_CASE("a tree that is restored or discarded while it is counted is counted no more") {
  for (auto is_restored : {true, false}) {
    subject_with_trash with;
    auto& it = with.it;
    for (int i = 0; i < 30; ++i)
      REQUIRE(it.put(fmt::format("/d/{}", i), "text").has_value());
    auto id = it.inode("/d");
    REQUIRE(it.remove("/d", true).has_value());
    REQUIRE(it.run(commands::collect_garbage{0, 5, 0}).has_value());
    CHECK(it.counters().trash_uncounted == 1);
    CHECK(it.counters().trash_bytes > 0);
    if (is_restored)
      REQUIRE(with.restore(id).has_value());
    else
      CHECK(it.run(commands::discard{{id, id, 77}})->entries == 1);
    CHECK(it.counters().trash_uncounted == 0);
    CHECK(it.counters().trash_bytes == 0);
    it.collect_garbage();
    CHECK(it.summary().files == (is_restored ? 30u : 0u));
  }
}

TEST_CASE("restoring makes missing parents, and replaces nothing") {
  subject_with_trash with;
  auto& it = with.it;
  REQUIRE(it.put("/a/b/f", "text").has_value());
  auto id = it.inode("/a/b/f");
  REQUIRE(it.remove("/a/b/f").has_value());
  REQUIRE(it.remove("/a", true).has_value());
  REQUIRE(it.put("/x", "other").has_value());
  CHECK(with.restore(id, "/x").error().code == errc::exists);
  CHECK(with.restore(id, "/").error().code == errc::exists);
  CHECK(with.restore(id, "/x/y").error().code == errc::refused);
  CHECK(with.restore(id, "/y/").error().code == errc::invalid);
  commands::restore wanted{id};
  wanted.to = in(77, "f");
  CHECK(it.fault_of(wanted) == errc::not_found);
  wanted.to.reset();
  wanted.parents_mode = 0711;
  wanted.uid = 5;
  wanted.gid = 6;
  REQUIRE(it.run(wanted).has_value());
  CHECK(it.text("/a/b/f") == "text");
  for (auto* parent : {"/a", "/a/b"}) {
    CHECK(it.attributes(parent).mode == 0711);
    CHECK(it.attributes(parent).uid == 5);
    CHECK(it.attributes(parent).gid == 6);
  }
  CHECK(with.paths_in_trash() == names_in_order{"a"});
  CHECK(with.restore(it.inode("/x")).error().code == errc::not_found);
}

TEST_CASE("the policy of the directory decides, from when it is set") {
  subject_with_trash with;
  auto& it = with.it;
  REQUIRE(it.make_directory("/scratch").has_value());
  for (auto* path : {"/scratch/f", "/scratch/d/f", "/f"})
    REQUIRE(it.put(path).has_value());
  with.set_policy("/scratch", two_copies());
  REQUIRE(it.remove("/scratch/f").has_value());
  CHECK(with.trash().empty());
  CHECK(it.summary().files == 2);
  with.set_policy("/scratch", with_trash(5 * second_us));
  REQUIRE(it.remove("/f").has_value());
  REQUIRE(it.remove("/scratch/d/f").has_value());
  CHECK(with.paths_in_trash() == names_in_order{"scratch/d/f", "f"}); // in order of the expiry
  CHECK(it.fault_of(commands::define_policy{with_trash(limits::trash_us_max + 1)}) ==
        errc::invalid);
}

TEST_CASE("what has expired is gone with the next collection, and its space with it") {
  subject_with_trash with;
  auto& it = with.it;
  with.set_policy("/", with_trash(10 * second_us));
  auto stored = it.chunk(1);
  REQUIRE(it.put("/f", {stored}).has_value());
  REQUIRE(it.put("/d/f", "text").has_value());
  REQUIRE(it.remove("/f").has_value());
  with.wait(3);
  REQUIRE(it.remove("/d", true).has_value());
  it.collect_garbage();
  CHECK(with.trash().size() == 2);
  with.wait(7);
  CHECK(with.trash().size() == 2); // expired, but nothing collects
  auto done = it.run(commands::collect_garbage{0, 100, 0});
  CHECK(done->discarded_entries == 1);
  CHECK(with.paths_in_trash() == names_in_order{"d"});
  CHECK_FALSE(it.knows(stored));
  CHECK(it.run(commands::collect_garbage{0, 0, 0})->discarded_entries == 0);
  with.wait(5);
  CHECK(it.run(commands::collect_garbage{0, 1, 0})->discarded_entries == 1);
  it.collect_garbage();
  CHECK(it.summary().files == 0);
  CHECK(it.summary().directories == 1);
  CHECK(it.counters().inline_bytes == 0);
}

TEST_CASE(
    "a collection for space empties the trash of the oldest first, as far as it is asked to") {
  subject_with_trash with;
  auto& it = with.it;
  for (std::uint64_t i = 0; i < 4; ++i) {
    auto path = fmt::format("/{}", i);
    REQUIRE(it.put(path, {it.chunk(i), it.chunk(10 + i)}).has_value());
    REQUIRE(it.remove(path).has_value());
  }
  CHECK(it.run(commands::collect_garbage{0, 100, 0})->discarded_entries == 0);
  CHECK(it.run(commands::collect_garbage{0, 100, 0, 1})->discarded_entries == 1);
  CHECK(with.paths_in_trash() == names_in_order{"1", "2", "3"});
  CHECK(it.run(commands::collect_garbage{0, 100, 0, 201})->discarded_entries == 2);
  CHECK(with.paths_in_trash() == names_in_order{"3"});
  CHECK(it.run(commands::collect_garbage{0, 100, 0, UINT64_MAX})->discarded_entries == 1);
  CHECK(it.summary().chunks == 0);
  CHECK(it.run(commands::collect_garbage{0, 100, 0, 1})->discarded_entries == 0);
}

TEST_CASE("discarding is for good, and takes what is in the trash alone") {
  subject_with_trash with;
  auto& it = with.it;
  REQUIRE(it.put("/f", "text").has_value());
  REQUIRE(it.put("/g", "text").has_value());
  auto gone = it.inode("/f");
  REQUIRE(it.remove("/f").has_value());
  auto done = it.run(commands::discard{{gone, it.inode("/g"), root_inode, 77}});
  CHECK(done->entries == 1);
  CHECK(done->bytes == 4);
  CHECK(with.trash().empty());
  CHECK(it.summary().files == 1);
  CHECK(it.fault_of(commands::discard{std::vector<inode_id>(limits::discards_max + 1)}) ==
        errc::invalid);
}

TEST_CASE("a file that a mount has open outlives the trash, and stays open when it comes back") {
  subject_with_trash with;
  auto& it = with.it;
  auto mount = it.run(commands::begin_mount{"m"})->id;
  for (auto is_restored : {true, false}) {
    REQUIRE(it.put("/f", "text").has_value());
    auto id = it.inode("/f");
    REQUIRE(it.run(commands::unlink{at("/f"), {}, false, {mount}}).has_value());
    CHECK(it.attributes(in(id)).size_bytes == 4); // still open
    if (is_restored) {
      REQUIRE(with.restore(id).has_value());
      REQUIRE(it.run(commands::release{mount, {id}}).has_value());
      CHECK(it.text("/f") == "text");
    } else {
      CHECK(it.run(commands::discard{{id}})->entries == 1);
      CHECK(it.attributes(in(id)).size_bytes == 4);
      REQUIRE(it.run(commands::release{mount, {id}}).has_value());
      CHECK_FALSE(it.query(queries::stat{in(id)}).has_value());
    }
  }
  // What was released while it is in the trash stays there.
  REQUIRE(it.put("/g", "text").has_value());
  auto id = it.inode("/g");
  REQUIRE(it.run(commands::unlink{at("/g"), {}, false, {mount}}).has_value());
  REQUIRE(it.run(commands::release{mount, {id}}).has_value());
  REQUIRE(with.restore(id).has_value());
  CHECK(it.text("/g") == "text");
}

TEST_CASE("the trash is listed in pages, below a path, with places relative to other inodes") {
  subject_with_trash with;
  auto& it = with.it;
  REQUIRE(it.make_directory("/d").has_value());
  auto directory = it.inode("/d");
  for (int i = 0; i < 10; ++i) {
    REQUIRE(it.put(fmt::format("/d/{}", i)).has_value());
    REQUIRE(it.put(fmt::format("/dd/{}", i)).has_value());
    REQUIRE(it.remove(fmt::format("/d/{}", i)).has_value());
    REQUIRE(it.remove(fmt::format("/dd/{}", i)).has_value());
  }
  REQUIRE(it.put("/d/relative").has_value());
  REQUIRE(it.run(commands::unlink{in(directory, "relative")}).has_value());
  CHECK(with.trash().size() == 21);
  CHECK(with.trash("/d").size() == 10);
  CHECK(with.trash("/d/").size() == 10);
  CHECK(with.paths_in_trash("/d/5") == names_in_order{"d/5"});
  CHECK(it.query(queries::trash{in(directory)})->items.size() == 1);

  queries::trash query{at("/dd")};
  query.limit = 3;
  names_in_order found;
  for (auto more = true; more;) {
    auto page = it.query(query);
    CHECK(page->items.size() <= 3);
    for (const auto& item : page->items)
      found.push_back(item.from.path);
    more = page->more;
    query.after_expires_us = page->next_expires_us;
    query.after_inode = page->next_inode;
  }
  names_in_order expected;
  for (int i = 0; i < 10; ++i)
    expected.push_back(fmt::format("dd/{}", i));
  CHECK(found == expected);

  // Without its directory it comes back elsewhere alone.
  REQUIRE(it.remove("/d", true).has_value());
  auto relative = it.query(queries::trash{in(directory)})->items[0].inode;
  CHECK(with.restore(relative).error().code == errc::not_found);
  REQUIRE(with.restore(relative, "/new/place").has_value());
  CHECK(it.exists("/new/place"));
}

TEST_CASE("the audit finds a trash whose rows don't fit") {
  subject_with_trash with;
  auto& it = with.it;
  REQUIRE(it.put("/d/f", "text").has_value());
  REQUIRE(it.put("/f", "text").has_value());
  auto file = it.inode("/f");
  auto directory = it.inode("/d");
  REQUIRE(it.remove("/f").has_value());
  REQUIRE(it.remove("/d", true).has_value());
  auto expires = [&](inode_id id) {
    for (const auto& item : with.trash())
      if (item.inode == id)
        return item.expires_us;
    return std::uint64_t{0};
  };
  namespace keys = state::keys;
  auto rows = it.rows();
  CHECK(findings_in(rows).empty());
  auto without = [&](const std::string& key) {
    auto fewer = rows;
    REQUIRE(fewer.erase(key) == 1);
    return findings_in(fewer);
  };
  CHECK(tells(without(keys::trash(expires(file), file)), "not in the trash's list"));
  CHECK(tells(without(keys::trash_walk(directory)), "in the list of those to count"));
  CHECK(tells(without(keys::inode(file)), "its own row doesn't say"));
  auto more = rows;
  more[keys::trash_walk(77)] = rows.at(keys::trash_walk(directory));
  CHECK(tells(findings_in(more), "inode 77 is to be counted"));
  more = rows;
  more[keys::trash(1, file)] = rows.at(keys::trash(expires(file), file));
  CHECK(tells(findings_in(more), "in the trash twice"));
  more = rows;
  more[keys::trash(expires(file), file)] = "x";
  CHECK(tells(findings_in(more), "can't be read"));
  more = rows;
  state::meta counters = it.counters();
  counters.trash_bytes += 1;
  counters.trash_expired_us = UINT64_MAX;
  more[keys::meta()] = encode(counters);
  CHECK(tells(findings_in(more), "the size of what is in the trash"));
  CHECK(tells(findings_in(more), "up to which it was emptied"));
}
