#include "temporary_folder.hpp"

#include <atoll/core/data_disks.hpp>

#include <doctest/doctest.h>

#include <fstream>

// A node's folders on several disks: each carries the node's identity, and is recognised by its
// mark.

using namespace atl;

namespace {

namespace fs = std::filesystem;

struct disks_fixture {
  temporary_folder home;
  data_owner owner{"dfs", "reef", "node-1"};

  fs::path disk(int number) const { return home / ("disk" + std::to_string(number)); }
  std::vector<fs::path> folders(std::vector<int> numbers) const {
    std::vector<fs::path> all;
    for (auto number : numbers)
      all.push_back(disk(number));
    return all;
  }
  data_disks take(std::vector<int> numbers, bool gives_up_missing = false) const {
    auto taken = data_disks::lock(folders(std::move(numbers)), owner, gives_up_missing);
    REQUIRE_MESSAGE(taken, taken.error().message);
    return std::move(*taken);
  }
  std::string refusal(std::vector<int> numbers) const {
    auto taken = data_disks::lock(folders(std::move(numbers)), owner, false);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == errc::refused);
    return taken.error().message;
  }
  /// Two disks that hold chunks. @returns the node's uuid
  std::string make_used(std::vector<int> numbers) const {
    auto taken = take(numbers);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      REQUIRE(taken.note_part(i, "chunks"));
      fs::create_directories(disk(numbers[i]) / "chunks" / "00");
    }
    REQUIRE(taken.join_group("group"));
    return taken.uuid();
  }
  void put_away(int number) const { fs::rename(disk(number), disk(number + 100)); }
  void bring_back(int number) const { fs::rename(disk(number + 100), disk(number)); }
};

bool has(const std::string& text, std::string_view part) {
  auto found = text.find(part) != text.npos;
  CHECK_MESSAGE(found, text);
  return found;
}

std::vector<std::string> ids_of(const data_disks& taken) {
  std::vector<std::string> ids;
  for (auto& disk : taken.all())
    ids.push_back(disk.id);
  return ids;
}

} // namespace

TEST_CASE_FIXTURE(disks_fixture,
                  "each disk keeps the identity of the node, and a mark of its own") {
  auto uuid = make_used({1, 2});
  auto first = ids_of(take({1, 2}));
  CHECK(first[0] != first[1]);
  SUBCASE("in another order they are told by their marks") {
    auto again = take({2, 1});
    CHECK(again.uuid() == uuid);
    CHECK(again.group() == "group");
    CHECK(ids_of(again) == std::vector{first[1], first[0]});
    CHECK_FALSE(again.all()[0].is_new);
  }
  SUBCASE("at other paths as well") {
    put_away(1);
    put_away(2);
    auto again = take({102, 101});
    CHECK(again.uuid() == uuid);
    CHECK(ids_of(again) == std::vector{first[1], first[0]});
  }
  SUBCASE("the loss of either loses nothing of it") {
    for (auto lost : {1, 2}) {
      put_away(lost);
      auto again = take({1, 2});
      CHECK(again.uuid() == uuid);
      CHECK(again.group() == "group");
      auto& gone = again.all()[static_cast<std::size_t>(lost - 1)];
      CHECK_FALSE(gone.is_used());
      CHECK(has(gone.problem, "is gone"));
      CHECK_FALSE(fs::exists(disk(lost)));
      bring_back(lost);
    }
    CHECK(ids_of(take({1, 2})) == first);
  }
  SUBCASE("the newest mark holds") {
    put_away(1);
    {
      auto without = take({1, 2});
      REQUIRE(without.forget_part(1, "chunks"));
    }
    bring_back(1);
    take({1, 2});
    CHECK(ids_of(take({1})).size() == 1); // disk 2 held nothing, as its own mark said
  }
}

TEST_CASE_FIXTURE(disks_fixture, "an empty disk in the place of a known one is a new disk") {
  auto uuid = make_used({1, 2});
  auto before = ids_of(take({1, 2}));
  fs::remove_all(disk(2));
  fs::create_directories(disk(2) / "lost+found");
  auto taken = take({1, 2});
  CHECK(taken.uuid() == uuid);
  CHECK(taken.all()[1].is_used());
  CHECK(taken.all()[1].is_new);
  CHECK(taken.all()[1].id != before[1]);
  CHECK(taken.check_part(1, "chunks")); // it never held any
}

TEST_CASE_FIXTURE(disks_fixture, "beside a new disk, or one that is gone, no data is put aside") {
  auto uuid = make_used({1, 2});
  SUBCASE("new") {
    fs::remove_all(disk(2));
    fs::create_directories(disk(2));
  }
  SUBCASE("gone") {
    fs::remove_all(disk(2));
  }
  auto taken = take({1, 2}, true);
  auto done = taken.put_aside();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == errc::refused);
  CHECK(has(done.error().message, disk(2).string()));
  CHECK(taken.uuid() == uuid);
  CHECK(fs::exists(disk(1) / "chunks"));
}

TEST_CASE_FIXTURE(disks_fixture, "a disk is added by naming it") {
  auto uuid = make_used({1, 2});
  auto taken = take({1, 2, 3});
  CHECK(taken.uuid() == uuid);
  CHECK(taken.all()[2].is_used());
  CHECK(taken.all()[2].is_new);
}

TEST_CASE_FIXTURE(disks_fixture, "a disk that held data must be named, or given up") {
  auto uuid = make_used({1, 2});
  auto why = refusal({1});
  has(why, disk(2).string());
  has(why, "--new-disk");
  CHECK(data_disks::is_marked(disk(1)));
  SUBCASE("given up, it is forgotten, and the rest stays") {
    {
      auto taken = take({1}, true);
      CHECK(taken.given_up() == 1);
      CHECK(taken.uuid() == uuid);
    }
    CHECK(take({1}).given_up() == 0);
  }
  SUBCASE("emptied, it may go") {
    REQUIRE(take({1, 2}).forget_part(1, "chunks"));
    CHECK(take({1}).uuid() == uuid);
  }
}

TEST_CASE_FIXTURE(disks_fixture, "the single folder of a node becomes the first of several disks") {
  std::string uuid;
  {
    auto single = data_folder::lock(disk(1), owner);
    REQUIRE(single);
    uuid = single->uuid();
    REQUIRE(single->join_group("group"));
    REQUIRE(single->note_part("chunks"));
  }
  fs::create_directories(disk(1) / "chunks" / "00");
  CHECK_FALSE(data_disks::is_marked(disk(1)));
  {
    auto taken = take({1, 2});
    CHECK(taken.uuid() == uuid);
    CHECK(taken.group() == "group");
    CHECK_FALSE(taken.all()[0].is_new);
    CHECK(taken.all()[1].is_new);
  }
  fs::remove_all(disk(1) / "chunks");
  auto gone = take({1, 2}).check_part(0, "chunks"); // perhaps a disk of its own, not mounted
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == errc::refused);
}

TEST_CASE_FIXTURE(disks_fixture, "the disk of another node, or of other data, is refused") {
  make_used({1, 2});
  SUBCASE("another node") {
    data_owner other{"dfs", "reef", "node-2"};
    REQUIRE(data_disks::lock({disk(3)}, other, false));
    auto why = refusal({1, 3});
    has(why, disk(3).string());
    has(why, "'node-2'");
  }
  SUBCASE("of the same node at another time") {
    take({3});
    auto why = refusal({1, 2, 3});
    has(why, disk(3).string());
    has(why, "different times");
  }
  SUBCASE("a copy of a disk") {
    fs::copy(disk(2), disk(3), fs::copy_options::recursive);
    has(refusal({1, 2, 3}), "copies of one disk");
  }
  SUBCASE("one that another process has") {
    auto other = take({1, 2});
    has(refusal({1, 2}), "in use by another process");
  }
}

TEST_CASE_FIXTURE(disks_fixture, "a disk whose mark is damaged or missing isn't used, and stays") {
  make_used({1, 2});
  auto mark = disk(2) / "identity.json";
  SUBCASE("damaged") {
    std::ofstream{mark} << "{";
  }
  SUBCASE("missing, with data") {
    fs::remove(mark);
  }
  SUBCASE("of wrong types") {
    std::ofstream{mark} << R"({"cluster": "reef", "node": 3, "uuid": "x"})";
  }
  auto taken = take({1, 2});
  CHECK_FALSE(taken.all()[1].is_used());
  has(taken.all()[1].problem, "identity.json");
  CHECK(fs::exists(disk(2) / "chunks"));
}

TEST_CASE_FIXTURE(disks_fixture,
                  "marks with lists that make no sense are read as far as possible") {
  make_used({1, 2});
  for (auto* list : {R"("no list")", R"([3, {"id": 4, "path": 5}, {"id": "a"}])", "null"}) {
    auto id = ids_of(take({1, 2}, true))[0];
    std::ofstream{disk(1) / "identity.json"}
        << R"({"application": "dfs", "cluster": "reef", "node": "node-1", "uuid": ")"
        << take({2}, true).uuid() << R"(", "disk": ")" << id << R"(", "revision": 1000, "disks": )"
        << list << "}";
    CHECK(ids_of(take({1, 2}))[0] == id);
    fs::remove_all(disk(1));
    fs::create_directories(disk(1));
  }
}

TEST_CASE_FIXTURE(disks_fixture, "no usable disk is an error that says why of each") {
  make_used({1, 2});
  for (auto number : {1, 2})
    std::ofstream{disk(number) / "identity.json"} << "{";
  auto taken = data_disks::lock(folders({1, 2}), owner, false);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == errc::io);
  has(taken.error().message, disk(1).string());
  has(taken.error().message, disk(2).string());
}

TEST_CASE_FIXTURE(disks_fixture, "all disks empty are another node's, with another uuid") {
  auto uuid = make_used({1, 2});
  SUBCASE("because they were replaced") {
    for (auto number : {1, 2})
      fs::remove_all(disk(number));
  }
  SUBCASE("because their content was put aside") {
    auto taken = take({1, 2});
    REQUIRE(taken.put_aside());
    CHECK(fs::exists(disk(2) / ("former-" + uuid) / "chunks"));
    CHECK(fs::exists(disk(1) / ("former-" + uuid) / "identity.json"));
  }
  auto taken = take({1, 2});
  CHECK(taken.uuid() != uuid);
  CHECK(taken.group().empty());
}
