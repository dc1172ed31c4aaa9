#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

// Settings, mounts, batches.
using namespace names;
using expect = commands::unlink::expect;

namespace {

std::optional<responses::setting_page::item> setting(const audited_subject& it,
                                                     const std::string& key) {
  auto page = it.query(queries::settings{});
  for (const auto& item : page->settings)
    if (item.key == key)
      return item;
  return std::nullopt;
}

commands::unlink unlink_kept(const std::string& path, std::vector<mount_id> keep_for) {
  return {at(path), expect::anything, false, std::move(keep_for)};
}

} // namespace

TEST_CASE("a setting changes only from the version that is expected") {
  audited_subject it;
  CHECK(it.fault_of(commands::configure{"k", "1", 5}) == errc::refused);
  auto first = it.run(commands::configure{"k", "1", 0});
  REQUIRE(first.has_value());
  CHECK(setting(it, "k")->value == "1");
  CHECK(setting(it, "k")->version == first->version);
  CHECK(it.fault_of(commands::configure{"k", "2", 0}) == errc::refused);
  auto second = it.run(commands::configure{"k", "2", first->version});
  REQUIRE(second.has_value());
  CHECK(it.fault_of(commands::configure{"k", "", first->version}) == errc::refused);
  CHECK(it.run(commands::configure{"k", "3", {}}).has_value());
  CHECK(setting(it, "k")->value == "3");
  REQUIRE(it.run(commands::configure{"a", "x", {}}).has_value());
  CHECK(it.query(queries::settings{"a"})->settings.size() == 1);
  REQUIRE(it.run(commands::configure{"k", "", {}}).has_value());
  CHECK_FALSE(setting(it, "k").has_value());
  CHECK(it.run(commands::configure{"k", "", 0}).has_value());
  CHECK(it.counters().settings == 1);
}

TEST_CASE("settings are bounded") {
  audited_subject it;
  CHECK(it.fault_of(commands::configure{"", "1", {}}) == errc::invalid);
  CHECK(it.fault_of(commands::configure{std::string(129, 'k'), "1", {}}) == errc::invalid);
  std::string largest(limits::setting_value_bytes_max, 'v');
  CHECK(it.fault_of(commands::configure{"k", largest + "v", {}}) == errc::invalid);
  for (int i = 0; i < 5; ++i)
    REQUIRE(it.run(commands::configure{fmt::format("k{}", i), largest, {}}).has_value());
  auto page = it.query(queries::settings{});
  CHECK(page->more);
  CHECK(page->settings.size() == 3);
  CHECK(it.query(queries::settings{page->settings.back().key})->settings.size() == 2);
  commands::batch many;
  for (std::uint32_t i = 5; i < limits::settings_max; ++i)
    many.actions.push_back(commands::configure{fmt::format("k{}", i), "v", {}});
  REQUIRE(it.run(many).has_value());
  CHECK(it.fault_of(commands::configure{"one more", "v", {}}) == errc::refused);
  CHECK(it.run(commands::configure{"k0", "changed", {}}).has_value());
}

TEST_CASE("an inode that mounts keep outlives its last name, until the last of them releases it") {
  audited_subject it;
  auto first = it.run(commands::begin_mount{"laptop"})->id;
  auto second = it.run(commands::begin_mount{"server"})->id;
  CHECK(it.query(queries::mounts{})->mounts.size() == 2);
  CHECK(it.query(queries::mounts{})->mounts[0].name == "laptop");
  CHECK(it.query(queries::mounts{})->mounts[0].begun_us == it.now_us() - second_us);
  CHECK(it.query(queries::mounts{first})->mounts.size() == 1);
  REQUIRE(it.put("/f", "text").has_value());
  auto file = it.inode("/f");
  REQUIRE(it.run(unlink_kept("/f", {first, second, first})).has_value());
  CHECK_FALSE(it.exists("/f"));
  CHECK(it.attributes(in(file)).links == 0);
  commands::write write{in(file)};
  write.pieces = {{4, 5, std::string{" more"}}};
  REQUIRE(it.run(write).has_value());
  CHECK(text_of(*it.query(queries::open{in(file)})) == "text more");
  CHECK(it.fault_of(commands::link{in(file), at("/g")}) == errc::not_found);
  REQUIRE(it.run(commands::release{first, {file, 99, file}}).has_value());
  CHECK(it.attributes(in(file)).size_bytes == 9);
  REQUIRE(it.run(commands::release{9, {file}}).has_value());
  REQUIRE(it.run(commands::release{second, {file}}).has_value());
  CHECK(it.query(queries::stat{in(file)}).error().code == errc::not_found);
  CHECK(it.summary().files == 0);
  CHECK(it.summary().bytes == 0);
}

TEST_CASE("a file with another name isn't kept, nor is a directory that has entries") {
  audited_subject it;
  auto mount = it.run(commands::begin_mount{"m"})->id;
  REQUIRE(it.put("/f").has_value());
  REQUIRE(it.run(commands::link{at("/f"), at("/g")}).has_value());
  REQUIRE(it.run(unlink_kept("/f", {mount})).has_value());
  REQUIRE(it.remove("/g").has_value());
  CHECK(it.summary().files == 0);
  REQUIRE(it.put("/d/f").has_value());
  REQUIRE(it.run(commands::unlink{at("/d"), expect::anything, true, {mount}}).has_value());
  it.collect_garbage();
  CHECK(it.summary().directories == 1);
}

TEST_CASE("what a rename replaces is kept for mounts as well") {
  audited_subject it;
  auto mount = it.run(commands::begin_mount{"m"})->id;
  REQUIRE(it.put("/f", "old").has_value());
  REQUIRE(it.put("/g", "new").has_value());
  auto old = it.inode("/f");
  REQUIRE(it.run(commands::rename{at("/g"), at("/f"), commands::rename::how::replace, {mount}})
              .has_value());
  CHECK(text_of(*it.query(queries::open{in(old)})) == "old");
  CHECK(it.text("/f") == "new");
  auto empty = it.make_directory("/d")->inode;
  REQUIRE(it.make_directory("/e").has_value());
  REQUIRE(it.run(commands::rename{at("/e"), at("/d"), commands::rename::how::replace, {mount}})
              .has_value());
  CHECK(it.attributes(in(empty)).links == 0);
  CHECK(it.query(queries::list{in(empty)})->entries.empty());
}

TEST_CASE("inodes are kept for mounts that exist only") {
  audited_subject it;
  REQUIRE(it.put("/f").has_value());
  CHECK(it.fault_of(unlink_kept("/f", {1})) == errc::refused);
  auto mount = it.run(commands::begin_mount{"m"})->id;
  REQUIRE(it.run(commands::end_mount{mount}).has_value());
  CHECK(it.fault_of(unlink_kept("/f", {mount})) == errc::refused);
  CHECK(it.fault_of(unlink_kept("/f", std::vector<mount_id>(limits::keep_for_max + 1, mount))) ==
        errc::invalid);
  CHECK(it.fault_of(commands::rename{at("/f"), at("/g"), {}, {mount}}) == errc::refused);
  CHECK(it.fault_of(commands::begin_mount{std::string(256, 'm')}) == errc::invalid);
  CHECK(it.fault_of(commands::release{1, std::vector<inode_id>(limits::releases_max + 1)}) ==
        errc::invalid);
  CHECK(it.exists("/f"));
}

TEST_CASE("what an ended mount kept is reclaimed in steps") {
  audited_subject it;
  it.register_storages();
  auto mount = it.run(commands::begin_mount{"m"})->id;
  auto other = it.run(commands::begin_mount{"other"})->id;
  for (std::uint64_t i = 0; i < 20; ++i) {
    REQUIRE(it.put(fmt::format("/{}", i), std::vector{it.chunk(i)}).has_value());
    std::vector<mount_id> keep_for{mount};
    if (i == 7)
      keep_for.push_back(other);
    REQUIRE(it.run(unlink_kept(fmt::format("/{}", i), keep_for)).has_value());
  }
  REQUIRE(it.run(commands::end_mount{mount}).has_value());
  REQUIRE(it.run(commands::end_mount{mount}).has_value());
  REQUIRE(it.run(commands::end_mount{99}).has_value());
  CHECK(it.query(queries::mounts{})->mounts.size() == 1);
  CHECK(it.summary().files == 20);
  CHECK(it.run(commands::collect_garbage{0, 0, 0})->pending_removals == 1);
  auto step = it.run(commands::collect_garbage{0, 6, 0});
  CHECK(step->reclaimed_inodes == 6);
  CHECK(step->pending_removals == 1);
  CHECK(it.summary().files == 14);
  it.collect_garbage();
  CHECK(it.summary().files == 1);
  CHECK(it.summary().chunks == 1);
  REQUIRE(it.run(commands::end_mount{other}).has_value());
  it.collect_garbage();
  CHECK(it.summary().files == 0);
}

TEST_CASE("a batch carries out each action as if it were alone, also after one that fails") {
  audited_subject it;
  commands::batch batch;
  batch.actions = {new_directory(at("/d")), new_directory(at("/d")),
                   new_file(at("/d/f")),    commands::unlink{at("/x")},
                   commands::relocate{},    commands::rename{at("/d/f"), at("/g")}};
  auto done = it.run(batch);
  REQUIRE(done.has_value());
  REQUIRE(done->each.size() == 6);
  auto nth = [&](std::size_t i) { return decode_response<responses::changed>(done->each[i]); };
  CHECK(nth(0)->inode == it.inode("/d"));
  CHECK(nth(1).error().code == errc::exists);
  CHECK(nth(2)->inode == it.inode("/g"));
  CHECK(nth(3).error().code == errc::not_found);
  CHECK(nth(4).error().code == errc::invalid);
  CHECK(nth(5)->version == nth(0)->version);
  CHECK(it.attributes("/d").entries == 0);
}

TEST_CASE("the answer to the largest batch fits into what a session keeps") {
  audited_subject it;
  REQUIRE(it.put("/f").has_value());
  commands::batch writes;
  commands::batch faults;
  commands::write write{at("/f")};
  write.pieces = {{0, 1, std::string{"x"}}};
  std::string long_name(255, 'n');
  for (std::size_t i = 0; i < limits::actions_per_batch_max; ++i) {
    writes.actions.push_back(write);
    faults.actions.push_back(commands::unlink{at("/" + long_name)});
  }
  CHECK(it.run(writes)->each.size() == limits::actions_per_batch_max);
  auto done = it.run(faults);
  REQUIRE_MESSAGE(done.has_value(), done.error().message);
  CHECK(decode_response<responses::changed>(done->each.front()).error().message.size() > 100);
  for (auto& answer : done->each)
    CHECK(decode_response<responses::changed>(answer).error().code == errc::not_found);
  faults.actions.push_back(write);
  CHECK(it.fault_of(faults) == errc::invalid);
}
