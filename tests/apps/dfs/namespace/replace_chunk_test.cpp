#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

// How files come to be stored otherwise: what is to be converted, and `replace_chunk`.
using namespace names;

namespace {

using use = std::pair<std::uint64_t, std::uint64_t>; ///< references and live bytes
use use_of(const audited_subject& it, const chunk_record& chunk) {
  auto stored = it.stored(chunk);
  return {stored.references, stored.live_bytes};
}

policy three_copies() {
  auto made = two_copies();
  made.recovery_options = atl::spi::options{{{"copies", std::int64_t{3}}}};
  made.fragments = 3;
  made.storage_cost = 300;
  made.survives_losses = 2;
  return made;
}

policy_id define(audited_subject& it, policy what) {
  auto defined = it.run(commands::define_policy{std::move(what)});
  REQUIRE(defined.has_value());
  return defined->id;
}

chunk_record chunk_by(const audited_subject& it, std::uint64_t number, policy_id policy,
                      std::uint64_t bytes = 100) {
  return {{it.now_us(), number}, bytes, {1, 2, 3}, 0, policy};
}

using items = std::vector<responses::unconverted_page::item>;

/// All pages of the walk, which must come to its end.
items unconverted(audited_subject& it, const std::string& path, std::uint64_t* files = nullptr) {
  queries::unconverted query{at(path)};
  items all;
  for (auto pages = 0; pages < 1000; ++pages) {
    auto page = it.query(query);
    REQUIRE_MESSAGE(page.has_value(), page.error().message);
    all.insert(all.end(), page->items.begin(), page->items.end());
    if (files != nullptr)
      *files += page->files;
    if (!page->more)
      return all;
    query.after = page->next;
    query.from_offset = page->next_offset;
  }
  FAIL("the walk has no end");
  return all;
}

} // namespace

TEST_CASE("what is stored otherwise than the policy of its directory says is found, and nothing "
          "else") {
  audited_subject it;
  it.register_storages();
  auto other = define(it, three_copies());
  auto chunk = it.chunk(1);
  REQUIRE(it.put("/a/f", std::vector{chunk}).has_value());
  REQUIRE(it.put("/a/b/g", "text").has_value());
  REQUIRE(it.put("/c/h", std::vector{it.chunk(2)}).has_value());
  CHECK(unconverted(it, "/").empty());
  REQUIRE(it.run(commands::set_policy{at("/a"), other}).has_value());
  std::uint64_t files = 0;
  auto text_item = responses::unconverted_page::item{it.inode("/a/b/g"), 1, 0, 0, {}, other};
  auto chunk_item = responses::unconverted_page::item{it.inode("/a/f"), 1, 0, 100, chunk, other};
  CHECK(unconverted(it, "/", &files) == items{text_item, chunk_item});
  CHECK(files == 3);
  CHECK(unconverted(it, "/a/f") == items{chunk_item});
  CHECK(unconverted(it, "/a/b") == items{text_item});
  CHECK(unconverted(it, "/c").empty());

  SUBCASE("a directory below with a policy of its own follows that") {
    REQUIRE(it.run(commands::set_policy{at("/a/b"), it.policy()}).has_value());
    CHECK(unconverted(it, "/a") == items{chunk_item});
  }
  SUBCASE("another trash or placement makes no other data") {
    auto similar = two_copies();
    similar.trash_us = 5;
    similar.placement = "round_robin";
    REQUIRE(it.run(commands::set_policy{at("/a"), define(it, similar)}).has_value());
    CHECK(unconverted(it, "/").empty());
  }
  SUBCASE("what is no file or directory is refused") {
    REQUIRE(it.run(new_symlink(at("/s"), "a")).has_value());
    CHECK(it.query(queries::unconverted{at("/s")}).error().code == errc::refused);
    CHECK(it.query(queries::unconverted{at("/none")}).error().code == errc::not_found);
    CHECK(it.query(queries::unconverted{in(it.inode("/a/f"))}).error().code == errc::invalid);
  }
}

TEST_CASE("a walk over many files and extents is cut into pages, and loses none and doubles none") {
  audited_subject it;
  it.register_storages();
  auto other = define(it, three_copies());
  std::uint64_t number = 0;
  for (auto* directory : {"/a", "/a/b", "/c"})
    for (auto file = 0; file < 20; ++file) {
      std::vector<chunk_record> chunks;
      for (auto i = 0; i < (file == 7 ? 900 : 30); ++i)
        chunks.push_back(it.chunk(++number));
      REQUIRE(it.put(fmt::format("{}/{:02}", directory, file), chunks).has_value());
      REQUIRE(it.put(fmt::format("{}/{:02}-small", directory, file), "text").has_value());
    }
  REQUIRE(it.run(commands::set_policy{at("/"), other}).has_value());
  std::uint64_t files = 0;
  auto all = unconverted(it, "/", &files);
  CHECK(files == 120);
  std::set<std::pair<inode_id, std::uint64_t>> seen;
  std::set<std::uint64_t> chunks;
  for (auto& each : all) {
    CHECK(seen.emplace(each.inode, each.offset_bytes).second);
    chunks.insert(each.chunk.id.random);
  }
  chunks.erase(0);
  CHECK(chunks.size() == number);
  CHECK(all.size() == number + 60);
}

TEST_CASE("a chunk is replaced in the range of one file, and readers see no change") {
  audited_subject it;
  it.register_storages();
  auto other = define(it, three_copies());
  auto old = it.chunk(1);
  REQUIRE(it.put("/f", std::vector{old, it.chunk(2)}).has_value());
  REQUIRE(it.run(commands::clone_range{at("/f"), at("/f"), 20, 300, 50}).has_value());
  commands::write overwrite{at("/f")};
  overwrite.pieces = {{40, 4, std::string{"text"}}};
  REQUIRE(it.run(overwrite).has_value());
  auto before = it.attributes("/f");
  auto made = chunk_by(it, 9, other);
  commands::replace_chunk replace{it.inode("/f"), 0, 200, old.id, {made}, other};
  auto done = it.run(replace);
  REQUIRE_MESSAGE(done.has_value(), done.error().message);
  auto after = it.attributes("/f");
  CHECK(after.policy == other);
  CHECK(after.version == done->version);
  CHECK(after.data_version == before.data_version);
  CHECK(after.mtime_ns == before.mtime_ns);
  CHECK(after.ctime_ns == before.ctime_ns);
  CHECK(after.size_bytes == before.size_bytes);
  CHECK(use_of(it, made) == use{2, 96});
  CHECK(use_of(it, old) == use{1, 50}); // beyond the range
  auto pieces = it.open_file("/f")->pieces;
  CHECK(pieces[0] == piece{0, 40, chunk_part{made, 0}});
  CHECK(pieces[2] == piece{44, 56, chunk_part{made, 44}});

  SUBCASE("the last reference gone, the chunk is forgotten, and can be collected") {
    replace.offset_bytes = 300;
    REQUIRE(it.run(replace).has_value());
    CHECK_FALSE(it.knows(old));
    CHECK(use_of(it, made) == use{3, 146});
  }
  SUBCASE("what isn't there any more is not found") {
    CHECK(it.fault_of(replace) == errc::not_found);
    replace.inode = 1234;
    CHECK(it.fault_of(replace) == errc::not_found);
  }
  SUBCASE("without chunks the policy alone is taken on") {
    replace.to.clear();
    replace.policy = it.policy();
    REQUIRE(it.run(replace).has_value());
    CHECK(it.attributes("/f").policy == it.policy());
    CHECK(use_of(it, made) == use{2, 96});
  }
}

TEST_CASE("one chunk is replaced by several, also where extents cross their bounds") {
  audited_subject it;
  it.register_storages();
  auto other = define(it, three_copies());
  auto old = it.chunk(1);
  REQUIRE(it.put("/f", std::vector{old}).has_value());
  commands::write overwrite{at("/f")};
  overwrite.pieces = {{10, 5, hole{}}};
  REQUIRE(it.run(overwrite).has_value());
  auto first = chunk_by(it, 7, other, 60);
  auto second = chunk_by(it, 8, other, 40);
  commands::replace_chunk replace{it.inode("/f"), 0, 100, old.id, {first, second}, other};
  REQUIRE(it.run(replace).has_value());
  CHECK(it.open_file("/f")->pieces == std::vector<piece>{{0, 10, chunk_part{first, 0}},
                                                         {15, 45, chunk_part{first, 15}},
                                                         {60, 40, chunk_part{second, 0}}});
  CHECK_FALSE(it.knows(old));
  CHECK(it.attributes("/f").extents == 3);
}

TEST_CASE("a replacement that doesn't fit is refused and changes nothing") {
  audited_subject it;
  it.register_storages();
  auto other = define(it, three_copies());
  auto old = it.chunk(1);
  REQUIRE(it.put("/f", std::vector{old}).has_value());
  auto rows = it.rows();
  commands::replace_chunk replace{it.inode("/f"), 0, 100, old.id, {chunk_by(it, 7, other)}, other};
  SUBCASE("of another size") {
    replace.to.front().size_bytes = 99;
    CHECK(it.fault_of(replace) == errc::invalid);
  }
  SUBCASE("too large together") {
    replace.to.push_back(chunk_by(it, 8, other));
    CHECK(it.fault_of(replace) == errc::invalid);
  }
  SUBCASE("on a node that isn't known") {
    replace.to.front().nodes[1] = 77;
    CHECK(it.fault_of(replace) == errc::refused);
  }
  SUBCASE("by a policy that isn't known") {
    replace.policy = 99;
    CHECK(it.fault_of(replace) == errc::not_found);
  }
  SUBCASE("in a directory") {
    replace.inode = root_inode;
    CHECK(it.fault_of(replace) == errc::not_found);
  }
  SUBCASE("in a range beyond any file") {
    replace.length_bytes = UINT64_MAX;
    CHECK(it.fault_of(replace) == errc::invalid);
  }
  CHECK(it.stored(old).references == 1);
  CHECK(it.attributes("/f").policy == it.policy());
}
