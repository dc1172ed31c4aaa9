#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"

// What `make` does.
using namespace names;
using if_exists = commands::make::if_exists;

namespace {

/// A name space in which almost all ids of inodes have been given.
class old_logic final : public atl::service_logic {
 public:
  atl::service_info info() const override { return now_.info(); }
  atl::status initialize(atl::transaction& rows) override {
    auto done = now_.initialize(rows);
    state::meta counters;
    counters.next_inode = inode_id_max - 2;
    rows.put(state::keys::meta(), encode(counters));
    return done;
  }
  void load(atl::row_reader& rows) override { now_.load(rows); }
  std::string apply(atl::transaction& rows, const atl::service_command& command) override {
    return now_.apply(rows, command);
  }
  void finish_batch(atl::transaction& rows) override { now_.finish_batch(rows); }
  std::string query(atl::state_view& rows, std::string_view query) const override {
    return now_.query(rows, query);
  }

 private:
  state::name_space_logic now_;
};

} // namespace

TEST_CASE("each type of inode is made with what it is given, and has the state's times") {
  for (auto type : {inode_type::file, inode_type::directory, inode_type::fifo, inode_type::socket,
                    inode_type::char_device, inode_type::block_device}) {
    audited_subject it;
    CAPTURE(static_cast<int>(type));
    auto is_device = type == inode_type::char_device || type == inode_type::block_device;
    commands::make made;
    made.where = at("/x");
    made.inode = {type, 05754, 1000, 100, is_device ? 0x801u : 0u, {}, {}};
    auto done = it.run(made);
    REQUIRE(done.has_value());
    auto found = it.stat("/x");
    REQUIRE(found.has_value());
    CHECK(found->name == "x");
    CHECK(found->inode == done->inode);
    auto& a = found->attributes;
    CHECK(a.type == type);
    CHECK(a.mode == 05754);
    CHECK(a.uid == 1000);
    CHECK(a.gid == 100);
    CHECK(a.device == (is_device ? 0x801u : 0u));
    CHECK(a.links == (type == inode_type::directory ? 2u : 1u));
    for (auto time_ns : {a.atime_ns, a.mtime_ns, a.ctime_ns, a.btime_ns})
      CHECK(time_ns == it.now_ns());
    CHECK(a.version == done->version);
    CHECK(a.data_version == done->version);
    CHECK(done->time_ns == it.now_ns());
    CHECK(a.parent == (type == inode_type::directory ? root_inode : 0));
    CHECK(a.policy == (type == inode_type::file ? it.policy() : no_policy));
    auto root = it.attributes("/");
    CHECK(root.entries == 1);
    CHECK(root.links == (type == inode_type::directory ? 3u : 2u));
    CHECK(root.mtime_ns == it.now_ns());
    CHECK(root.data_version == done->version);
    auto summary = it.summary();
    CHECK(summary.files == (type == inode_type::file));
    CHECK(summary.directories == 1u + (type == inode_type::directory));
    CHECK(summary.others == (type != inode_type::file && type != inode_type::directory));
  }
}

TEST_CASE("what no inode can be is refused as invalid, and makes nothing") {
  audited_subject it;
  auto with = [](auto change) {
    commands::make made;
    made.where = at("/x");
    change(made);
    return made;
  };
  auto text = text_pieces("text");
  CHECK(it.fault_of(with([](auto& m) { m.inode.mode = 010000; })) == errc::invalid);
  CHECK(it.fault_of(with([](auto& m) { m.parents_mode = 010000; })) == errc::invalid);
  CHECK(it.fault_of(with([](auto& m) { m.inode.device = 1; })) == errc::invalid);
  CHECK(it.fault_of(with([](auto& m) { m.where.path = "x/"; })) == errc::invalid);
  CHECK(it.fault_of(with([](auto& m) { m.size_bytes = limits::file_bytes_max + 1; })) ==
        errc::invalid);
  for (auto type : {inode_type::directory, inode_type::fifo, inode_type::block_device}) {
    CHECK(it.fault_of(with([&](auto& m) { m.inode.type = type, m.content = text; })) ==
          errc::invalid);
    CHECK(it.fault_of(with([&](auto& m) { m.inode.type = type, m.size_bytes = 1; })) ==
          errc::invalid);
  }
  CHECK(it.summary().applied > 0);
  CHECK(it.attributes("/").entries == 0);
}

TEST_CASE("a symbolic link has its target, of 1 to 4095 bytes without NUL") {
  audited_subject it;
  std::string longest(limits::symlink_bytes_max, 'x');
  for (const auto& target : {std::string{"../a"}, longest, std::string{"\xff/"}}) {
    REQUIRE(it.run(new_symlink(at("/s"), target)).has_value());
    CHECK(it.text("/s") == target);
    CHECK(it.attributes("/s").size_bytes == target.size());
    CHECK(it.attributes("/s").type == inode_type::symlink);
    CHECK(it.query(queries::open{at("/s"), UINT64_MAX})->pieces.empty());
    REQUIRE(it.remove("/s").has_value());
  }
  CHECK(it.fault_of(new_symlink(at("/s"), "")) == errc::invalid);
  CHECK(it.fault_of(new_symlink(at("/s"), longest + "x")) == errc::invalid);
  CHECK(it.fault_of(new_symlink(at("/s"), std::string(2, '\0'))) == errc::invalid);
  CHECK(it.fault_of(new_symlink(at("/s/"), "a")) == errc::invalid);
  auto shifted = new_symlink(at("/s"), "target");
  shifted.content[0].offset_bytes = 1;
  CHECK(it.fault_of(shifted) == errc::invalid);
  auto two = new_symlink(at("/s"), "target");
  two.content.push_back({6, 1, std::string{"x"}});
  CHECK(it.fault_of(two) == errc::invalid);
  CHECK(it.counters().inline_bytes == 0);
}

TEST_CASE("what exists is kept, replaced or the reason of a refusal, as is asked for") {
  audited_subject it;
  REQUIRE(it.put("/f", "old").has_value());
  REQUIRE(it.make_directory("/d").has_value());
  auto as = [](std::string path, inode_type type, if_exists existing) {
    commands::make made;
    made.where = at(path);
    made.inode.type = type;
    made.existing = existing;
    return made;
  };
  using enum inode_type;
  auto before = it.inode("/f");
  SUBCASE("refused by default") {
    CHECK(it.fault_of(as("/f", file, if_exists::refuse)) == errc::exists);
    CHECK(it.fault_of(as("/d", directory, if_exists::refuse)) == errc::exists);
    CHECK(it.fault_of(as("/d", fifo, if_exists::refuse)) == errc::refused);
  }
  SUBCASE("only a directory is kept") {
    CHECK(it.run(as("/d", directory, if_exists::keep))->inode == it.inode("/d"));
    CHECK(it.run(as("/", directory, if_exists::keep))->inode == root_inode);
    CHECK(it.fault_of(as("/f", file, if_exists::keep)) == errc::exists);
    CHECK(it.fault_of(as("/f", directory, if_exists::keep)) == errc::exists);
    CHECK(it.fault_of(as("/d", file, if_exists::keep)) == errc::refused);
  }
  SUBCASE("what is no directory is replaced by a new inode") {
    auto made = it.run(as("/f", fifo, if_exists::replace));
    REQUIRE(made.has_value());
    CHECK(made->inode != before);
    CHECK(it.attributes("/f").type == fifo);
    CHECK(it.attributes("/").entries == 2);
    CHECK(it.query(queries::stat{in(before)}).error().code == errc::not_found);
    CHECK(it.summary().files == 0);
    CHECK(it.fault_of(as("/d", file, if_exists::replace)) == errc::refused);
    CHECK(it.fault_of(as("/d", directory, if_exists::replace)) == errc::exists);
    CHECK(it.fault_of(as("/f", directory, if_exists::replace)) == errc::exists);
  }
  SUBCASE("an inode without a name in the place has nothing to be replaced by") {
    auto made = as("/", file, if_exists::replace);
    made.where = in(before);
    CHECK(it.fault_of(made) == errc::invalid);
    CHECK(it.text("/f") == "old");
  }
}

TEST_CASE("missing parents are made if that is asked for, with their own mode") {
  audited_subject it;
  auto made = new_file(at("/a/b/f"), {}, if_exists::refuse, false);
  made.inode.uid = 7;
  made.inode.gid = 8;
  CHECK(it.fault_of(made) == errc::not_found);
  made.parents = true;
  made.parents_mode = 0700;
  REQUIRE(it.run(made).has_value());
  for (auto* path : {"/a", "/a/b"}) {
    CHECK(it.attributes(path).mode == 0700);
    CHECK(it.attributes(path).uid == 7);
    CHECK(it.attributes(path).gid == 8);
    CHECK(it.attributes(path).entries == 1);
  }
  CHECK(it.attributes("/a").links == 3);
  CHECK(it.attributes("/a/b").parent == it.inode("/a"));
  REQUIRE(it.put("/a/b/g").has_value());
  CHECK(it.fault_of(new_file(at("/a/b/f/g"))) == errc::refused);
  CHECK(it.fault_of(new_directory(at("/a/b/f/g/h"), true)) == errc::refused);
}

TEST_CASE("a directory's path may end with a slash") {
  audited_subject it;
  REQUIRE(it.make_directory("/d/").has_value());
  CHECK(it.exists("/d/"));
  REQUIRE(it.put("/f").has_value());
  CHECK(it.stat("/f/").error().code == errc::refused);
  CHECK(it.fault_of(new_directory(at("/f/"), true)) == errc::exists);
}

TEST_CASE("places are relative to inodes") {
  audited_subject it;
  auto directory = it.make_directory("/d")->inode;
  REQUIRE(it.run(new_file(in(directory, "a/f"), text_pieces("text"))).has_value());
  CHECK(it.text("/d/a/f") == "text");
  auto file = it.inode("/d/a/f");
  CHECK(it.query(queries::stat{in(file)})->name.empty());
  CHECK(it.query(queries::stat{in(directory, "a")})->name == "a");
  CHECK(it.fault_of(new_file(in(file, "g"))) == errc::refused);
  CHECK(it.fault_of(new_file(in(999, "g"))) == errc::not_found);
  CHECK(it.fault_of(new_file(in(0, "g"))) == errc::not_found);
  CHECK(it.fault_of(new_directory(in(999), true)) == errc::not_found);
  auto message = it.run(new_file(in(directory, "../f"))).error().message;
  CHECK_MESSAGE(message.find("'../f' of inode 2") != std::string::npos, message);
}

TEST_CASE("the upper 8 bits of an inode's id are never used: before that no more are made") {
  audited_subject it{std::make_unique<old_logic>()};
  REQUIRE(it.put("/last").has_value());
  CHECK(it.inode("/last") < inode_id{1} << 56);
  CHECK(it.fault_of(new_file(at("/f"))) == errc::refused);
  CHECK(it.fault_of(new_directory(at("/d"))) == errc::refused);
  CHECK(it.rename("/last", "/moved").has_value());
}

TEST_CASE("content comes with a file, in order and without overlaps, or not at all") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  auto with = [](std::vector<piece> pieces) { return new_file(at("/f"), std::move(pieces)); };
  REQUIRE(
      it.run(with({{5, 4, std::string{"text"}}, {10, 50, chunk_part{chunk, 50}}, {70, 1, hole{}}}))
          .has_value());
  auto opened = *it.open_file("/f");
  CHECK(opened.attributes.size_bytes == 71);
  CHECK(opened.attributes.extents == 2);
  CHECK(opened.pieces ==
        std::vector<piece>{{5, 4, std::string{"text"}}, {10, 50, chunk_part{chunk, 50}}});
  CHECK(it.stored(chunk).live_bytes == 50);
  CHECK(it.summary().bytes == 71);

  auto larger = with({{0, 4, std::string{"text"}}});
  larger.size_bytes = 1000;
  REQUIRE(it.run(larger).has_value());
  CHECK(it.attributes("/f").size_bytes == 1000);
  CHECK_FALSE(it.knows(chunk));

  CHECK(it.fault_of(with({{0, 0, hole{}}})) == errc::invalid);
  CHECK(it.fault_of(with({{0, 3, std::string{"text"}}})) == errc::invalid);
  CHECK(it.fault_of(with({{0, 4, std::string{"text"}}, {3, 4, std::string{"text"}}})) ==
        errc::invalid);
  CHECK(it.fault_of(with({{limits::file_bytes_max, 1, hole{}}})) == errc::invalid);
  CHECK(it.fault_of(with({{UINT64_MAX, UINT64_MAX, hole{}}})) == errc::invalid);
  CHECK(it.fault_of(with({{0, 51, chunk_part{it.chunk(2), 50}}})) == errc::invalid);
  CHECK(it.fault_of(with({{0, 1, chunk_part{it.chunk(2), 101}}})) == errc::invalid);
  CHECK(it.text("/f").size() == 1000);
}
