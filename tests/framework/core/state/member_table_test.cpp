#include "../../../contains.hpp"
#include "tally_service.hpp"

#include <atoll/core/state/group_members.hpp>

#include <limits>

using namespace tally;

namespace {

const std::string birth = encode(group_birth{
    "group", "reef", "raft", {}, {{1, "m-1", "a:1", "folder-1"}, {2, "m-2", "a:2", "folder-2"}}});

std::unique_ptr<replicated_state> open_of_group(const std::filesystem::path& folder,
                                                std::uint64_t reserve = 0) {
  replicated_state::settings how;
  how.free_bytes_min = reserve;
  how.birth = birth;
  auto opened = try_open(folder, logic::described(), how);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  return std::move(*opened);
}

std::string admission_of(spi::replica_id id, const std::string& folder) {
  return encode(member_identity{id, "m", "a:9", folder});
}

/// A state whose members are admitted by one session after the other.
struct admitting {
  explicit admitting(const std::filesystem::path& folder) : state{open_of_group(folder)} {}

  result<spi::replica_id> admit_bytes(const std::string& body) {
    return decode_admission(apply_bytes(*state, entry_of(++sessions, 1, admit_member_type, body)));
  }
  result<spi::replica_id> admit(spi::replica_id id, const std::string& folder) {
    return admit_bytes(admission_of(id, folder));
  }

  std::unique_ptr<replicated_state> state;
  std::uint64_t sessions = 0;
};

} // namespace

TEST_CASE("a state of a group knows the founders as its members") {
  temporary_folder folder;
  auto state = open_of_group(folder / "state");
  auto members = state->members();
  REQUIRE(members.has_value());
  CHECK(*members == decode_group_birth(birth)->founders);
  CHECK(open(folder / "without a group")->members()->empty());
}

TEST_CASE("a member's id belongs to one data folder for good, and is given once") {
  temporary_folder folder;
  admitting it{folder / "state"};
  CHECK(it.admit(4, "folder-4") == 4);
  CHECK(it.admit(4, "folder-4") == 4);
  CHECK(it.admit(0, "folder-4") == 4);
  CHECK(it.admit(0, "folder-2") == 2); // a founder's
  auto other = it.admit(4, "another folder");
  REQUIRE_FALSE(other.has_value());
  CHECK(other.error().code == errc::refused);
  CHECK(contains(other.error().message, "belongs to the data folder folder-4 of 'm'"));
  CHECK(it.admit(0, "another folder") == 5);
  it.state.reset();
  it.state = open_of_group(folder / "state"); // written when it was closed
  it.sessions = 100;
  CHECK(it.admit(0, "a third folder") == 6);
  REQUIRE(it.state->members()->size() == 5);
  CHECK(it.state->members()->back() == member_identity{6, "m", "a:9", "a third folder"});
}

TEST_CASE("a repeated admission gives no second id") {
  temporary_folder folder;
  auto state = open_of_group(folder / "state");
  auto bytes = entry_of(1, 1, admit_member_type, admission_of(0, "new"));
  CHECK(decode_admission(apply_bytes(*state, bytes)) == 3);
  CHECK(decode_admission(apply_bytes(*state, bytes)) == 3);
  CHECK(state->members()->size() == 3);
}

TEST_CASE("members are admitted up to a limit, and up to the largest id") {
  temporary_folder folder;
  admitting it{folder / "state"};
  SUBCASE("limit") {
    for (std::size_t i = 3; i <= admitted_members_max; ++i)
      REQUIRE(it.admit(0, std::to_string(i)).has_value());
    auto more = it.admit(0, "one more");
    REQUIRE_FALSE(more.has_value());
    CHECK(more.error().code == errc::refused);
    CHECK(it.admit(0, "3") == 3);
    CHECK(it.state->members()->size() == admitted_members_max);
  }
  SUBCASE("largest id") {
    auto largest = std::numeric_limits<spi::replica_id>::max();
    CHECK(it.admit(largest, "folder") == largest);
    CHECK(it.admit(0, "one more").error().code == errc::refused);
    CHECK(it.admit(3, "one more") == 3);
  }
}

TEST_CASE("an admission without a name, an address or a folder is refused, as are other bytes") {
  temporary_folder folder;
  admitting it{folder / "state"};
  std::string too_long(member_text_bytes_max + 1, 'x');
  for (auto& bad :
       {encode(member_identity{3, "", "a:1", "f"}), encode(member_identity{3, "m", "", "f"}),
        encode(member_identity{3, "m", "a:1", ""}), encode(member_identity{3, "m\xff", "a:1", "f"}),
        encode(member_identity{3, too_long, "a:1", "f"}), std::string{"garbage"}, std::string{}}) {
    auto bytes = entry_of(99, 1, admit_member_type, bad);
    auto refused = it.state->admission_check(bytes);
    REQUIRE(refused.has_value());
    CHECK(refused->code == errc::invalid);
    CHECK(it.admit_bytes(bad).error().code == errc::invalid); // another release may propose it
  }
  CHECK(it.state->members()->size() == 2);
}

TEST_CASE("the application sees neither commands nor queries of the framework") {
  temporary_folder folder;
  auto state = open_of_group(folder / "state");
  for (int type = framework_types_begin + 1; type <= 0xff; ++type) {
    auto bytes = entry_of(1, static_cast<std::uint64_t>(type), static_cast<std::uint8_t>(type), "");
    CHECK(contains(state->admission_check(bytes)->message, "this release doesn't know"));
    auto answer =
        run(*state, static_cast<std::uint64_t>(type), 1, static_cast<std::uint8_t>(type), "");
    CHECK(contains(answer.error().message, "this release doesn't know"));
  }
  CHECK(decode_answer(*state->query("\xf1")).error().code == errc::invalid);
  CHECK(decode_answer(*state->query("\xf0 and more")).error().code == errc::invalid);
  CHECK_FALSE(state->try_query_in_memory(members_query()).has_value());
}

TEST_CASE("a member is admitted on a full disk, so that it can take a lost one's place") {
  temporary_folder folder;
  auto state = open_of_group(folder / "state", std::uint64_t{1} << 60);
  CHECK(state->admission_check(entry_of(1, 1, add, "x"))->code == errc::no_space);
  auto admission = entry_of(1, 1, admit_member_type, admission_of(0, "new"));
  CHECK_FALSE(state->admission_check(admission).has_value());
  CHECK_FALSE(state->takes_space(admission));
  CHECK(decode_admission(apply_bytes(*state, admission)) == 3);
  CHECK(state->members()->size() == 3);
}

TEST_CASE("the answers about members can be read from hostile bytes") {
  temporary_folder folder;
  auto state = open_of_group(folder / "state");
  auto good = *state->query(members_query());
  REQUIRE(decode_members(good).has_value());
  for (std::size_t i = 0; i < good.size(); ++i) {
    CHECK_FALSE(decode_members(good.substr(0, i)).has_value());
    auto changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 0xff);
    static_cast<void>(decode_members(changed));
  }
  CHECK_FALSE(decode_members(good + "x").has_value());
  CHECK_FALSE(decode_admission("").has_value());
  CHECK_FALSE(decode_admission(encode_answer(std::string_view{"\0\0\0\0", 4})).has_value());
}
