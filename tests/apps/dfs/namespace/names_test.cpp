#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"

// What `link`, `unlink` and `rename` do.
using namespace names;
using expect = commands::unlink::expect;
using how = commands::rename::how;

namespace {

commands::unlink without(place where, expect expected, bool recursive = false) {
  return {std::move(where), expected, recursive};
}

commands::rename renaming(const std::string& from, const std::string& to, how mode) {
  return {at(from), at(to), mode};
}

} // namespace

TEST_CASE("a file has as many links as names, and is reclaimed with the last one") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  REQUIRE(it.put("/f", std::vector{chunk}).has_value());
  REQUIRE(it.make_directory("/d").has_value());
  auto file = it.inode("/f");
  auto before = it.attributes("/f");
  auto linked = it.run(commands::link{at("/f"), at("/d/g")});
  REQUIRE(linked.has_value());
  CHECK(linked->inode == file);
  CHECK(it.inode("/d/g") == file);
  CHECK(it.attributes("/f").links == 2);
  CHECK(it.attributes("/f").ctime_ns == it.now_ns());
  CHECK(it.attributes("/f").mtime_ns == before.mtime_ns);
  CHECK(it.attributes("/f").version == linked->version);
  CHECK(it.attributes("/f").data_version == before.data_version);
  CHECK(it.attributes("/d").entries == 1);
  CHECK(it.attributes("/d").mtime_ns == it.now_ns());
  REQUIRE(it.remove("/f").has_value());
  CHECK(it.attributes("/d/g").links == 1);
  CHECK(it.attributes("/d/g").ctime_ns == it.now_ns());
  CHECK(it.knows(chunk));
  REQUIRE(it.run(commands::link{in(file), at("/h")}).has_value());
  REQUIRE(it.remove("/d/g").has_value());
  REQUIRE(it.remove("/h").has_value());
  CHECK_FALSE(it.knows(chunk));
  CHECK(it.summary().files == 0);
  CHECK(it.query(queries::stat{in(file)}).error().code == errc::not_found);
  CHECK(it.fault_of(commands::link{in(file), at("/h")}) == errc::not_found);
}

TEST_CASE("all but directories can get another name, which must be free") {
  audited_subject it;
  REQUIRE(it.make_directory("/d").has_value());
  REQUIRE(it.put("/f").has_value());
  REQUIRE(it.run(new_symlink(at("/s"), "f")).has_value());
  auto fault = [&](std::string from, std::string to) {
    return it.fault_of(commands::link{at(from), at(to)});
  };
  CHECK(fault("/d", "/e") == errc::refused);
  CHECK(fault("/f", "/s") == errc::exists);
  CHECK(fault("/f", "/d") == errc::exists);
  CHECK(fault("/f", "/") == errc::exists);
  CHECK(fault("/f", "/f") == errc::exists);
  CHECK(fault("/x", "/y") == errc::not_found);
  CHECK(fault("/f", "/x/y") == errc::not_found);
  CHECK(fault("/f", "/s/y") == errc::refused);
  CHECK(fault("/f", "/g/") == errc::refused);
  CHECK(fault("/f/", "/g") == errc::refused);
  CHECK(it.fault_of(commands::link{at("/f"), in(root_inode, "a//b")}) == errc::invalid);
  CHECK(it.run(commands::link{at("/s"), at("/t")})->inode == it.inode("/s"));
  CHECK(it.attributes("/s").type == inode_type::symlink);
}

TEST_CASE("unlink removes what is expected") {
  audited_subject it;
  REQUIRE(it.put("/d/f").has_value());
  REQUIRE(it.make_directory("/e").has_value());
  REQUIRE(it.put("/f").has_value());
  CHECK(it.fault_of(without(at("/f"), expect::directory)) == errc::refused);
  CHECK(it.fault_of(without(at("/e"), expect::not_directory)) == errc::refused);
  CHECK(it.fault_of(without(at("/d"), expect::directory)) == errc::refused);
  CHECK(it.fault_of(without(at("/f/"), expect::anything)) == errc::refused);
  CHECK(it.fault_of(without(at("/"), expect::anything, true)) == errc::refused);
  CHECK(it.fault_of(without(in(it.inode("/f")), expect::anything)) == errc::refused);
  CHECK(it.fault_of(without(at("/x"), expect::anything)) == errc::not_found);
  CHECK(it.fault_of(without(at("/x/y"), expect::anything)) == errc::not_found);
  CHECK(it.fault_of(without(in(root_inode, ".."), expect::anything)) == errc::invalid);
  auto directory = it.inode("/e");
  CHECK(it.run(without(at("/e/"), expect::directory))->inode == directory);
  CHECK(it.attributes("/").links == 3);
  CHECK(it.attributes("/").mtime_ns == it.now_ns());
  CHECK(it.run(without(at("/f"), expect::not_directory)).has_value());
  CHECK(it.run(without(at("/d"), expect::directory, true)).has_value());
  CHECK(it.attributes("/").entries == 0);
  CHECK(it.attributes("/").links == 2);
  CHECK(it.summary().pending_removals == 1);
  it.collect_garbage();
  CHECK(it.summary().files == 0);
  CHECK(it.summary().directories == 1);
}

TEST_CASE("rename moves a name, and replaces what is there") {
  audited_subject it;
  REQUIRE(it.put("/a/f", "new").has_value());
  REQUIRE(it.put("/b/f", "old").has_value());
  REQUIRE(it.put("/a/d/g").has_value());
  REQUIRE(it.make_directory("/b/d").has_value());
  auto replaced = it.inode("/b/f");
  auto moved = it.rename("/a/f", "/b/f");
  REQUIRE(moved.has_value());
  CHECK(moved->inode == it.inode("/b/f"));
  CHECK(it.text("/b/f") == "new");
  CHECK_FALSE(it.exists("/a/f"));
  CHECK(it.attributes("/b/f").ctime_ns == it.now_ns());
  CHECK(it.query(queries::stat{in(replaced)}).error().code == errc::not_found);
  CHECK(it.attributes("/a").entries == 1);
  CHECK(it.attributes("/a").mtime_ns == it.now_ns());
  CHECK(it.attributes("/b").entries == 2);
  REQUIRE(it.rename("/a/d", "/b/d").has_value());
  CHECK(it.attributes("/b/d").parent == it.inode("/b"));
  CHECK(it.attributes("/a").links == 2);
  CHECK(it.attributes("/b").links == 3);
  CHECK(it.exists("/b/d/g"));
  REQUIRE(it.rename("/b/d/", "/b/e/").has_value());
  CHECK(it.attributes("/b/e").entries == 1);
}

TEST_CASE("rename is refused where the kinds don't match, or something would be lost") {
  audited_subject it;
  REQUIRE(it.put("/d/f").has_value());
  REQUIRE(it.put("/full/f").has_value());
  REQUIRE(it.make_directory("/empty").has_value());
  REQUIRE(it.put("/f").has_value());
  auto fault = [&](std::string from, std::string to, how mode = how::replace) {
    return it.fault_of(renaming(from, to, mode));
  };
  CHECK(fault("/f", "/empty") == errc::refused);
  CHECK(fault("/d", "/f") == errc::refused);
  CHECK(fault("/d", "/full") == errc::refused);
  CHECK(fault("/d", "/d/x") == errc::refused);
  CHECK(fault("/d", "/d/f/x") == errc::refused);
  CHECK(fault("/f", "/g/") == errc::refused);
  CHECK(fault("/f/", "/g") == errc::refused);
  CHECK(fault("/", "/x") == errc::refused);
  CHECK(fault("/d", "/") == errc::refused);
  CHECK(fault("/x", "/y") == errc::not_found);
  CHECK(fault("/f", "/x/y") == errc::not_found);
  CHECK(fault("/f", "/full", how::no_replace) == errc::exists);
  CHECK(fault("/f", "/f", how::no_replace) == errc::exists);
  CHECK(fault("/f", "/x", how::exchange) == errc::not_found);
  CHECK(it.fault_of(commands::rename{in(root_inode, "."), at("/x")}) == errc::invalid);
  CHECK(it.run(renaming("/d", "/new", how::no_replace)).has_value());
}

TEST_CASE("exchange swaps what two names name, whatever they are") {
  audited_subject it;
  REQUIRE(it.put("/a/d/f").has_value());
  REQUIRE(it.put("/b/g", "text").has_value());
  auto directory = it.inode("/a/d");
  auto file = it.inode("/b/g");
  auto swapped = it.run(renaming("/a/d", "/b/g", how::exchange));
  REQUIRE(swapped.has_value());
  CHECK(it.inode("/b/g") == directory);
  CHECK(it.inode("/a/d") == file);
  CHECK(it.attributes("/b/g").parent == it.inode("/b"));
  CHECK(it.attributes("/a").links == 2);
  CHECK(it.attributes("/b").links == 3);
  CHECK(it.attributes("/a/d").ctime_ns == it.now_ns());
  CHECK(it.attributes("/b/g").ctime_ns == it.now_ns());
  CHECK(it.fault_of(renaming("/b", "/b/g", how::exchange)) == errc::refused);
  CHECK(it.fault_of(renaming("/b/g", "/b", how::exchange)) == errc::refused);
  CHECK(it.fault_of(renaming("/b/g", "/a/d/", how::exchange)) == errc::refused);
  REQUIRE(it.run(renaming("/a", "/b", how::exchange)).has_value());
  CHECK(it.inode("/b/d") == file);
}

TEST_CASE("a rename onto another name of the same inode changes nothing") {
  audited_subject it;
  REQUIRE(it.put("/f").has_value());
  REQUIRE(it.run(commands::link{at("/f"), at("/g")}).has_value());
  auto before = it.attributes("/f");
  for (auto mode : {how::replace, how::exchange}) {
    auto done = it.run(renaming("/f", "/g", mode));
    REQUIRE(done.has_value());
    CHECK(done->version == before.version);
  }
  CHECK(it.attributes("/f") == before);
  CHECK(it.inode("/g") == it.inode("/f"));
  CHECK(it.rename("/f", "/f").has_value());
}

TEST_CASE("a directory can't come below itself by an inode either") {
  audited_subject it;
  REQUIRE(it.put("/a/b/c/f").has_value());
  auto a = it.inode("/a");
  auto c = it.inode("/a/b/c");
  CHECK(it.fault_of(commands::rename{in(a, "b"), in(c, "b")}) == errc::refused);
  CHECK(it.fault_of(commands::rename{at("/a"), in(c, "x")}) == errc::refused);
  CHECK(it.fault_of(commands::rename{at("/a"), in(a, "x")}) == errc::refused);
  // Not even by way of a removed directory, whose content is still there.
  REQUIRE(it.remove("/a/b", true).has_value());
  CHECK(it.fault_of(commands::rename{at("/a"), in(c, "x")}) == errc::refused);
}

TEST_CASE("nothing is made in, or moved into, a removed directory") {
  audited_subject it;
  auto mount = it.run(commands::begin_mount{"m"})->id;
  REQUIRE(it.put("/f").has_value());
  auto gone = it.make_directory("/d")->inode;
  REQUIRE(it.run(commands::unlink{at("/d"), expect::directory, false, {mount}}).has_value());
  CHECK(it.attributes(in(gone)).links == 0);
  CHECK(it.fault_of(new_file(in(gone, "x"))) == errc::not_found);
  CHECK(it.fault_of(new_directory(in(gone, "x"))) == errc::not_found);
  CHECK(it.fault_of(commands::rename{at("/f"), in(gone, "x")}) == errc::not_found);
  CHECK(it.fault_of(commands::link{at("/f"), in(gone, "x")}) == errc::not_found);
  REQUIRE(it.put("/e/f").has_value());
  gone = it.inode("/e");
  REQUIRE(it.remove("/e", true).has_value());
  CHECK(it.fault_of(new_file(in(gone, "x"))) == errc::not_found);
  CHECK(it.fault_of(commands::rename{in(gone, "f"), at("/saved")}) == errc::not_found);
}

TEST_CASE("what is being reclaimed can't be reached any more, so nothing is left of it") {
  audited_subject it;
  it.register_storages();
  std::vector<chunk_record> chunks;
  for (std::uint64_t i = 0; i < 2 * limits::reclaim_at_once_extents_max; ++i)
    chunks.push_back(it.chunk(i));
  REQUIRE(it.put("/big", chunks).has_value());
  auto file = it.inode("/big");
  REQUIRE(it.remove("/big").has_value());
  CHECK(it.summary().pending_removals == 1);
  REQUIRE(it.run(commands::collect_garbage{0, 50, 0}).has_value());
  CHECK(it.summary().chunks == chunks.size() - 50);
  commands::write late{in(file)};
  late.pieces = {{0, 4, std::string{"text"}}};
  CHECK(it.fault_of(late) == errc::not_found);
  it.collect_garbage();
  CHECK(it.summary().chunks == 0);
  CHECK(it.summary().files == 0);
  CHECK(it.counters().inline_bytes == 0);
}
