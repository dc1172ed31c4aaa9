#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"

// What `write` and `clone_range` do to content, and to the records of chunks.
using namespace names;

namespace {

commands::write writing(std::vector<piece> pieces) {
  commands::write made{at("/f")};
  made.pieces = std::move(pieces);
  return made;
}

piece text_at(std::uint64_t offset, std::string text) {
  auto length = text.size();
  return {offset, length, std::move(text)};
}

commands::clone_range cloning(const std::string& from, std::uint64_t from_offset,
                              const std::string& to, std::uint64_t to_offset,
                              std::uint64_t length) {
  return {at(from), at(to), from_offset, to_offset, length};
}

/// References and live bytes.
using use = std::pair<std::uint64_t, std::uint64_t>;

use use_of(const audited_subject& it, const chunk_record& chunk) {
  auto stored = it.stored(chunk);
  return {stored.references, stored.live_bytes};
}

} // namespace

TEST_CASE("a write in the middle of a chunk's extent splits it, and is counted") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  REQUIRE(it.put("/f", std::vector{chunk}).has_value());
  CHECK(use_of(it, chunk) == use{1, 100});
  auto written = it.run(writing({text_at(40, "text")}));
  REQUIRE(written.has_value());
  CHECK(written->offset_bytes == 40);
  CHECK(written->size_bytes == 100);
  CHECK(it.open_file("/f")->pieces == std::vector<piece>{{0, 40, chunk_part{chunk, 0}},
                                                         text_at(40, "text"),
                                                         {44, 56, chunk_part{chunk, 44}}});
  CHECK(use_of(it, chunk) == use{2, 96});
  CHECK(it.attributes("/f").extents == 3);
  CHECK(it.attributes("/f").data_version == written->version);
  CHECK(it.attributes("/f").mtime_ns == it.now_ns());

  SUBCASE("a hole in the middle of what is left") {
    REQUIRE(it.run(writing({{10, 10, hole{}}})).has_value());
    CHECK(use_of(it, chunk) == use{3, 86});
    CHECK(it.attributes("/f").extents == 4);
  }
  SUBCASE("over the ends of several") {
    REQUIRE(it.run(writing({{30, 20, hole{}}})).has_value());
    CHECK(use_of(it, chunk) == use{2, 80});
    CHECK(it.counters().inline_bytes == 0);
  }
  SUBCASE("over everything, by a part of the same chunk") {
    REQUIRE(it.run(writing({{0, 100, chunk_part{chunk, 0}}})).has_value());
    CHECK(use_of(it, chunk) == use{1, 100});
  }
  SUBCASE("over everything, by something else") {
    REQUIRE(it.run(writing({{0, 100, chunk_part{it.chunk(2), 0}}})).has_value());
    CHECK_FALSE(it.knows(chunk));
    CHECK(it.summary().chunks == 1);
  }
}

TEST_CASE("the only extent of a chunk is overwritten by a part of the chunk, which stays") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  REQUIRE(it.put("/f", std::vector{chunk}).has_value());
  it.sleep(100 * second_us);
  REQUIRE(it.run(commands::collect_garbage{it.now_us(), 0, 0}).has_value());
  REQUIRE(it.run(writing({{0, 50, chunk_part{chunk, 50}}, {50, 50, chunk_part{chunk, 0}}}))
              .has_value());
  CHECK(use_of(it, chunk) == use{2, 100});
  // The record is kept, not made anew from what the command says of it.
  REQUIRE(it.put("/f", std::vector{chunk}).has_value());
  REQUIRE(it.run(commands::relocate{1, {{chunk.id, 0, 1, 3}}}).has_value());
  REQUIRE(it.run(writing({{0, 100, chunk_part{chunk, 0}}})).has_value());
  CHECK(it.stored(chunk).nodes == std::vector<storage_id>{3, 2});
}

TEST_CASE("bytes in the name space are overwritten byte by byte") {
  audited_subject it;
  REQUIRE(it.put("/f", "0123456789").has_value());
  REQUIRE(it.run(writing({text_at(3, "abc")})).has_value());
  CHECK(it.text("/f") == "012abc6789");
  REQUIRE(it.run(writing({text_at(0, "x"), text_at(9, "yz")})).has_value());
  CHECK(it.text("/f") == "x12abc678yz");
  REQUIRE(it.run(writing({{2, 5, hole{}}})).has_value());
  CHECK(it.text("/f") == "x1" + std::string(5, '\0') + "78yz");
  CHECK(it.counters().inline_bytes == 6);
  REQUIRE(it.run(writing({text_at(20, "end")})).has_value());
  CHECK(it.text("/f").size() == 23);
  CHECK(it.text("/f").substr(11, 12) == std::string(9, '\0') + "end");
}

TEST_CASE("appended pieces begin at the end, wherever that is when they are applied") {
  audited_subject it;
  REQUIRE(it.put("/f", "abc").has_value());
  auto append = writing({text_at(0, "def"), text_at(4, "g")});
  append.append = true;
  CHECK(it.run(append)->offset_bytes == 3);
  CHECK(it.text("/f") == std::string("abcdef\0g", 8));
  auto again = it.run(append);
  CHECK(again->offset_bytes == 8);
  CHECK(again->size_bytes == 13);
  auto too_far = writing({{limits::file_bytes_max - 12, 1, hole{}}});
  too_far.append = true;
  CHECK(it.fault_of(too_far) == errc::invalid);
}

TEST_CASE("a write is refused if the content has changed since the expected version") {
  audited_subject it;
  auto made = it.put("/f", "abc");
  auto write = writing({text_at(0, "x")});
  write.expected_data_version = made->version;
  commands::set_attributes change{at("/f")};
  change.mode = 0600;
  REQUIRE(it.run(change).has_value());
  auto written = it.run(write);
  REQUIRE(written.has_value());
  CHECK(it.fault_of(write) == errc::refused);
  write.expected_data_version = written->version;
  CHECK(it.run(write).has_value());
}

TEST_CASE("a write sets the time that it is given, and drops privileges if asked to") {
  audited_subject it;
  auto file = new_file(at("/f"), text_pieces("text"));
  file.inode.mode = 06755;
  REQUIRE(it.run(file).has_value());
  auto write = writing({text_at(0, "x")});
  write.mtime_ns = -7;
  REQUIRE(it.run(write).has_value());
  CHECK(it.attributes("/f").mtime_ns == -7);
  CHECK(it.attributes("/f").ctime_ns == it.now_ns());
  CHECK(it.attributes("/f").mode == 06755);
  write.drop_privileges = true;
  REQUIRE(it.run(write).has_value());
  CHECK(it.attributes("/f").mode == 0755);
}

TEST_CASE("only a file is written, in its own bounds") {
  audited_subject it;
  REQUIRE(it.put("/f", "abc").has_value());
  REQUIRE(it.make_directory("/d").has_value());
  REQUIRE(it.run(new_symlink(at("/s"), "f")).has_value());
  for (auto* path : {"/d", "/s"}) {
    commands::write write{at(path)};
    CHECK(it.fault_of(write) == errc::refused);
  }
  CHECK(it.fault_of(commands::write{at("/x")}) == errc::not_found);
  CHECK(it.fault_of(writing({{limits::file_bytes_max, 1, hole{}}})) == errc::invalid);
  CHECK(it.fault_of(writing({text_at(5, "x"), text_at(5, "x")})) == errc::invalid);
  CHECK(it.fault_of(writing({text_at(5, "x"), text_at(0, "x")})) == errc::invalid);
  CHECK(it.text("/f") == "abc");
}

TEST_CASE("the name space takes content up to a bound for each command and file") {
  audited_subject it;
  REQUIRE(it.put("/f", std::string(limits::inline_bytes_max, 'x')).has_value());
  std::string part(limits::inline_bytes_max / 2, 'y');
  CHECK(it.fault_of(writing({text_at(0, part), text_at(part.size(), part + "y")})) ==
        errc::refused);
  auto append = writing({text_at(0, part + part)});
  append.append = true;
  while (it.attributes("/f").size_bytes + limits::inline_bytes_max <=
         limits::inline_bytes_per_file_max)
    REQUIRE(it.run(append).has_value());
  CHECK(it.fault_of(append) == errc::refused);
  REQUIRE(it.run(writing({{0, limits::inline_bytes_max, hole{}}})).has_value());
  CHECK(it.run(append).has_value());
  // What stands there is read in pages.
  auto page = it.open_file("/f");
  REQUIRE(page->more);
  auto& last = page->pieces.back();
  auto next = it.query(queries::open{at("/f"), last.offset_bytes + last.length_bytes});
  CHECK(next->pieces.front().offset_bytes == last.offset_bytes + last.length_bytes);
}

TEST_CASE("a file whose policy takes nothing into the name space has all content in chunks") {
  audited_subject it;
  it.register_storages();
  auto other = two_copies();
  other.inline_bytes_max = 0;
  auto policy = it.run(commands::define_policy{other})->id;
  REQUIRE(it.make_directory("/d").has_value());
  REQUIRE(it.run(commands::set_policy{at("/d"), policy}).has_value());
  CHECK(it.put("/d/f").error().code == errc::refused);
  REQUIRE(it.put("/d/f", std::vector{it.chunk(1)}).has_value());
  commands::write write{at("/d/f")};
  write.pieces = {text_at(0, "x")};
  CHECK(it.fault_of(write) == errc::refused);
  REQUIRE(it.put("/f").has_value());
  CHECK(it.fault_of(cloning("/f", 0, "/d/f", 0, 4)) == errc::refused);
}

TEST_CASE("a cloned range is the same as its source, with its holes, and costs references only") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  REQUIRE(it.run(new_file(at("/f"), {{10, 100, chunk_part{chunk, 0}}, text_at(120, "text")}))
              .has_value());
  REQUIRE(it.put("/g", std::string(200, 'x')).has_value());
  auto cloned = it.run(cloning("/f", 5, "/g", 0, 124 - 5));
  REQUIRE(cloned.has_value());
  CHECK(cloned->inode == it.inode("/g"));
  CHECK(cloned->size_bytes == 200);
  CHECK(cloned->offset_bytes == 0);
  CHECK(it.open_file("/g")->pieces == std::vector<piece>{{5, 100, chunk_part{chunk, 0}},
                                                         text_at(115, "text"),
                                                         text_at(119, std::string(81, 'x'))});
  CHECK(use_of(it, chunk) == use{2, 200});
  CHECK(it.attributes("/f").extents == 2);

  REQUIRE(it.run(cloning("/f", 60, "/f", 0, 50)).has_value());
  CHECK(it.open_file("/f")->pieces.front() == piece{0, 50, chunk_part{chunk, 50}});
  CHECK(use_of(it, chunk) == use{3, 210});
  // What is a hole in the source becomes one in the target, also beyond the target's end.
  REQUIRE(it.put("/h", "x").has_value());
  REQUIRE(it.run(cloning("/f", 110, "/h", 1, 10)).has_value());
  CHECK(it.text("/h") == "x" + std::string(10, '\0'));
}

TEST_CASE("a range that doesn't exist, or overlaps its copy, isn't cloned") {
  audited_subject it;
  REQUIRE(it.put("/f", "0123456789").has_value());
  REQUIRE(it.put("/g").has_value());
  REQUIRE(it.make_directory("/d").has_value());
  CHECK(it.fault_of(cloning("/f", 0, "/g", 0, 0)) == errc::invalid);
  CHECK(it.fault_of(cloning("/f", 0, "/g", 0, 11)) == errc::invalid);
  CHECK(it.fault_of(cloning("/f", 11, "/g", 0, 1)) == errc::invalid);
  CHECK(it.fault_of(cloning("/f", 1, "/g", 0, UINT64_MAX)) == errc::invalid);
  CHECK(it.fault_of(cloning("/f", 0, "/g", limits::file_bytes_max, 1)) == errc::invalid);
  CHECK(it.fault_of(cloning("/f", 0, "/f", 4, 5)) == errc::invalid);
  CHECK(it.fault_of(cloning("/f", 4, "/f", 0, 5)) == errc::invalid);
  CHECK(it.fault_of(cloning("/f", 0, "/d", 0, 1)) == errc::refused);
  CHECK(it.fault_of(cloning("/d", 0, "/f", 0, 1)) == errc::refused);
  CHECK(it.fault_of(cloning("/x", 0, "/f", 0, 1)) == errc::not_found);
  CHECK(it.run(cloning("/f", 0, "/f", 5, 5))->size_bytes == 10);
  CHECK(it.text("/f") == "0123401234");
}

TEST_CASE("a chunk from before the watermark is accepted where it is known") {
  audited_subject it;
  it.register_storages();
  auto known = it.chunk(1);
  auto unknown = it.chunk(2);
  REQUIRE(it.put("/f", std::vector{known}).has_value());
  it.sleep(100 * second_us);
  REQUIRE(it.run(commands::collect_garbage{it.now_us(), 0, 0}).has_value());
  CHECK(it.fault_of(writing({{0, 100, chunk_part{unknown, 0}}})) == errc::refused);
  CHECK(it.put("/g", std::vector{unknown}).error().code == errc::refused);
  CHECK(it.run(writing({{100, 100, chunk_part{known, 0}}})).has_value());
  CHECK(it.put("/g", std::vector{known}).has_value());
  CHECK(it.run(cloning("/f", 0, "/g", 200, 150)).has_value());
  CHECK(use_of(it, known) == use{5, 450});
}

TEST_CASE("a chunk that the content describes wrongly is refused, and nothing is changed") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  REQUIRE(it.put("/f", std::vector{chunk}).has_value());
  auto fault = [&](auto change) {
    auto other = chunk;
    change(other);
    return it.put("/g", std::vector{other}).error().code;
  };
  CHECK(fault([](auto& c) { c.id = {}; }) == errc::invalid);
  CHECK(fault([](auto& c) { c.size_bytes = 0; }) == errc::invalid);
  CHECK(fault([](auto& c) { c.size_bytes = limits::chunk_bytes_max + 1; }) == errc::invalid);
  CHECK(fault([](auto& c) { c.nodes.clear(); }) == errc::invalid);
  CHECK(fault([](auto& c) { c.nodes.resize(256); }) == errc::invalid);
  CHECK(fault([](auto& c) { c.size_bytes = 99; }) == errc::refused);
  CHECK(fault([](auto& c) { c.nodes.push_back(3); }) == errc::refused);
  CHECK(fault([](auto& c) { c.policy = 9; }) == errc::refused);
  CHECK(fault([](auto& c) { c.crc = 1; }) == errc::refused);
  auto elsewhere = chunk;
  elsewhere.nodes = {2, 3};
  CHECK(it.put("/g", std::vector{chunk, elsewhere}).error().code == errc::invalid);
  CHECK_FALSE(it.exists("/g"));
  CHECK(use_of(it, chunk) == use{1, 100});
  // Where it is now is the state's to say.
  REQUIRE(it.put("/g", std::vector{elsewhere}).has_value());
  CHECK(chunks_of(*it.open_file("/g")).at(0).nodes == chunk.nodes);
}
