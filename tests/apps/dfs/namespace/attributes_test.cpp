#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"

// What `set_attributes`, `set_xattr` and `remove_xattr` do.
using namespace names;
using how = commands::set_xattr::how;

namespace {

commands::set_attributes change_of(const std::string& path) {
  return {at(path)};
}

commands::set_xattr xattr(std::string name, std::string value, how mode = how::create_or_replace) {
  return {at("/f"), std::move(name), std::move(value), mode};
}

std::vector<std::string> xattrs_of(const client& it) {
  return it.query(queries::list_xattrs{at("/f")})->names;
}

} // namespace

TEST_CASE("only the attributes that are given change, and the time of the change") {
  audited_subject it;
  REQUIRE(it.put("/f").has_value());
  auto expected = it.attributes("/f");
  auto check = [&](auto set, auto expect) {
    auto change = change_of("/f");
    set(change);
    auto done = it.run(change);
    REQUIRE(done.has_value());
    expected.ctime_ns = it.now_ns();
    expected.version = done->version;
    expect(expected);
    CHECK(it.attributes("/f") == expected);
  };
  check([](auto& c) { c.mode = 04755; }, [](auto& a) { a.mode = 04755; });
  check([](auto& c) { c.mode = 0; }, [](auto& a) { a.mode = 0; });
  check([](auto& c) { c.uid = 5; }, [](auto& a) { a.uid = 5; });
  check([](auto& c) { c.gid = UINT32_MAX; }, [](auto& a) { a.gid = UINT32_MAX; });
  check([](auto& c) { c.atime_ns = -5; }, [](auto& a) { a.atime_ns = -5; });
  check([](auto& c) { c.mtime_ns = INT64_MAX; }, [](auto& a) { a.mtime_ns = INT64_MAX; });
  check([](auto& c) { c.now_atime = true; }, [&](auto& a) { a.atime_ns = it.now_ns(); });
  check([](auto& c) { c.now_mtime = true; }, [&](auto& a) { a.mtime_ns = it.now_ns(); });
  check([](auto&) {}, [](auto&) {});
}

TEST_CASE("privileges are dropped as by a write of a user without privileges") {
  audited_subject it;
  REQUIRE(it.put("/f").has_value());
  auto after_drop = [&](std::uint16_t mode) {
    auto change = change_of("/f");
    change.mode = mode;
    change.drop_privileges = true;
    REQUIRE(it.run(change).has_value());
    return it.attributes("/f").mode;
  };
  CHECK(after_drop(06755) == 0755);
  CHECK(after_drop(02745) == 02745); // mandatory locking, not a privilege
  CHECK(after_drop(01777) == 01777);
}

TEST_CASE("impossible attributes are refused, and change nothing") {
  audited_subject it;
  REQUIRE(it.put("/f").has_value());
  REQUIRE(it.make_directory("/d").has_value());
  auto before = it.attributes("/f");
  auto fault = [&](const std::string& path, auto set) {
    auto change = change_of(path);
    set(change);
    return it.fault_of(change);
  };
  CHECK(fault("/f", [](auto& c) { c.mode = 010000; }) == errc::invalid);
  CHECK(fault("/f", [](auto& c) { c.now_atime = true, c.atime_ns = 1; }) == errc::invalid);
  CHECK(fault("/f", [](auto& c) { c.now_mtime = true, c.mtime_ns = 1; }) == errc::invalid);
  CHECK(fault("/f", [](auto& c) { c.size_bytes = limits::file_bytes_max + 1; }) == errc::invalid);
  CHECK(fault("/d", [](auto& c) { c.size_bytes = 0; }) == errc::refused);
  CHECK(fault("/x", [](auto& c) { c.mode = 0; }) == errc::not_found);
  CHECK(it.attributes("/f") == before);
}

TEST_CASE("a file is cut to a size, or grows by a hole") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  REQUIRE(it.run(new_file(at("/f"), {{0, 4, std::string{"text"}}, {4, 100, chunk_part{chunk, 0}}}))
              .has_value());
  auto resize = [&](std::uint64_t size_bytes) {
    auto change = change_of("/f");
    change.size_bytes = size_bytes;
    auto done = it.run(change);
    REQUIRE(done.has_value());
    auto now = it.attributes("/f");
    CHECK(now.size_bytes == size_bytes);
    CHECK(now.mtime_ns == it.now_ns());
    CHECK(now.data_version == done->version);
    CHECK(it.summary().bytes == size_bytes);
  };
  resize(54);
  CHECK(it.stored(chunk).live_bytes == 50);
  resize(104);
  CHECK(it.stored(chunk).live_bytes == 50);
  CHECK(it.open_file("/f")->pieces.back() == piece{4, 50, chunk_part{chunk, 0}});
  resize(2);
  CHECK_FALSE(it.knows(chunk));
  resize(4);
  CHECK(it.text("/f") == std::string("te\0\0", 4));
  resize(limits::file_bytes_max);
  resize(0);
  CHECK(it.attributes("/f").extents == 0);
  CHECK(it.counters().inline_bytes == 0);
}

TEST_CASE("an extended attribute is created, replaced and removed as is asked for") {
  audited_subject it;
  REQUIRE(it.put("/f").has_value());
  CHECK(it.fault_of(xattr("user.a", "1", how::replace)) == errc::not_found);
  auto made = it.run(xattr("user.a", "1", how::create));
  REQUIRE(made.has_value());
  CHECK(it.attributes("/f").ctime_ns == it.now_ns());
  CHECK(it.attributes("/f").version == made->version);
  CHECK(it.attributes("/f").data_version < made->version);
  CHECK(it.fault_of(xattr("user.a", "2", how::create)) == errc::exists);
  REQUIRE(it.run(xattr("user.a", std::string("\0\xff", 2), how::replace)).has_value());
  REQUIRE(it.run(xattr("user.b", "")).has_value());
  CHECK(it.query(queries::get_xattr{at("/f"), "user.a"})->value == std::string("\0\xff", 2));
  CHECK(it.query(queries::get_xattr{at("/f"), "user.b"})->value.empty());
  CHECK(it.query(queries::get_xattr{at("/f"), "user.c"}).error().code == errc::not_found);
  CHECK(xattrs_of(it) == std::vector<std::string>{"user.a", "user.b"});
  CHECK(it.query(queries::list_xattrs{at("/f"), "user.a"})->names ==
        std::vector<std::string>{"user.b"});
  CHECK(it.run(commands::remove_xattr{at("/f"), "user.a"}).has_value());
  CHECK(it.fault_of(commands::remove_xattr{at("/f"), "user.a"}) == errc::not_found);
  CHECK(it.fault_of(commands::remove_xattr{at("/f"), ""}) == errc::not_found);
  CHECK(it.fault_of(commands::remove_xattr{at("/x"), "user.a"}) == errc::not_found);
  CHECK(xattrs_of(it) == std::vector<std::string>{"user.b"});
  // The attributes go with the inode.
  REQUIRE(it.remove("/f").has_value());
}

TEST_CASE("extended attributes are bounded, each and together") {
  audited_subject it;
  REQUIRE(it.put("/f").has_value());
  CHECK(it.fault_of(xattr("", "1")) == errc::invalid);
  CHECK(it.fault_of(xattr(std::string("a\0", 2), "1")) == errc::invalid);
  CHECK(it.fault_of(xattr(std::string(limits::xattr_name_bytes_max + 1, 'a'), "1")) ==
        errc::invalid);
  CHECK(it.fault_of(xattr("a", std::string(limits::xattr_value_bytes_max + 1, 'v'))) ==
        errc::invalid);
  CHECK(it.fault_of(commands::set_xattr{at("/x"), "a", "v"}) == errc::not_found);
  std::string largest(limits::xattr_value_bytes_max, 'v');
  REQUIRE(it.run(xattr(std::string(limits::xattr_name_bytes_max, 'a'), largest)).has_value());
  CHECK(it.query(queries::get_xattr{at("/f"), std::string(limits::xattr_name_bytes_max, 'a')})
            ->value == largest);
  CHECK(it.fault_of(xattr("b", largest)) == errc::refused);
  // A replaced value makes room.
  auto rest = limits::xattrs_bytes_max - (limits::xattr_name_bytes_max + largest.size()) -
              2 * limits::xattr_overhead_bytes - 1;
  REQUIRE(it.run(xattr("b", std::string(rest, 'v'))).has_value());
  CHECK(it.fault_of(xattr("c", "")) == errc::refused);
  REQUIRE(it.run(xattr("b", "v")).has_value());
  REQUIRE(it.run(xattr("c", "")).has_value());
  REQUIRE(it.remove("/f").has_value());
  CHECK(it.rows().lower_bound("a")->first.front() != 'a');
}
