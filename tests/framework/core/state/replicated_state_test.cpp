#include "../../../contains.hpp"
#include "tally_service.hpp"

#include <rocksdb/db.h>

using namespace tally;

namespace {

void write_row(const std::filesystem::path& folder, const std::string& key,
               const std::optional<std::string>& value) {
  rocksdb::DB* raw = nullptr;
  rocksdb::Options options;
  options.create_if_missing = true;
  REQUIRE(rocksdb::DB::Open(options, folder.string(), &raw).ok());
  std::unique_ptr<rocksdb::DB> db{raw};
  REQUIRE((value ? db->Put({}, key, *value) : db->Delete({}, key)).ok());
}

/// Checks that the folder is refused, and what is said.
void check_refused(const std::filesystem::path& folder, service_info what,
                   const std::string& says) {
  auto refused = try_open(folder, std::move(what));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::refused);
  CHECK_MESSAGE(contains(refused.error().message, says), refused.error().message);
  CHECK_MESSAGE(contains(refused.error().message, folder.string()), refused.error().message);
}

} // namespace

TEST_CASE("what the logic keeps in memory and its rows survive a restart and come with a "
          "snapshot") {
  temporary_folder folder;
  auto state = open(folder / "state");
  CHECK(*run(*state, 1, 1, add, "a") == "1");
  CHECK(*run(*state, 1, 2, add, "a") == "2");
  CHECK(*run(*state, 2, 1, add, "b") == "1");
  REQUIRE(state->save(folder / "copy").has_value());
  state.reset();
  state = open(folder / "state");
  CHECK(state->applied() == 3);
  CHECK(ask(*state, "sum") == "3");
  CHECK(*run(*state, 1, 3, add, "a") == "3");
  CHECK(ask(*state, "sum") == "4");

  auto other = open(folder / "other");
  CHECK(*run(*other, 9, 1, add, "z") == "1");
  REQUIRE(other->load(folder / "copy").has_value());
  CHECK(ask(*other, "z").empty());
  CHECK(*run(*other, 1, 3, add, "a") == "3");
  CHECK(ask(*other, "sum") == "4");
  CHECK(*state->digest() == *other->digest());
  CHECK(*run(*other, 1, 4, add, "a") == "4");
  CHECK(*state->digest() != *other->digest());
}

TEST_CASE("a state of another application, version or cluster is refused with the reason") {
  temporary_folder folder;
  open(folder / "state");
  auto other = logic::described();
  SUBCASE("another application") {
    other.name = "queue";
    check_refused(folder / "state", other,
                  "written by the application 'tally', and this is 'queue'");
  }
  SUBCASE("another version") {
    other.version = 2;
    check_refused(folder / "state", other,
                  "version 1 of the rows of 'tally', and this release "
                  "knows version 2");
  }
  SUBCASE("another cluster") {
    replicated_state::settings how;
    how.cluster_id = "lagoon";
    auto refused = try_open(folder / "state", other, how);
    REQUIRE_FALSE(refused.has_value());
    CHECK(contains(refused.error().message, "belongs to cluster 'reef', not to 'lagoon'"));
  }
  SUBCASE("another group") {
    replicated_state::settings how;
    how.birth = "certificate";
    auto refused = try_open(folder / "state", other, how);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::refused);
    CHECK(contains(refused.error().message, "another group"));
  }
  SUBCASE("a database that is no replicated state, or that of an earlier release") {
    write_row(folder / "foreign", "m", "row of the name space");
    check_refused(folder / "foreign", other, "earlier release or another program");
  }
  SUBCASE("a snapshot of another application") {
    other.name = "queue";
    auto queue = try_open(folder / "queue", other);
    REQUIRE(queue.has_value());
    REQUIRE((*queue)->save(folder / "copy").has_value());
    auto state = open(folder / "state");
    CHECK(state->load(folder / "copy").error().code == errc::refused);
    CHECK(*run(*state, 1, 1, add, "a") == "1");
  }
  SUBCASE("it is taken by the same application") {
    CHECK(try_open(folder / "state").has_value());
  }
}

TEST_CASE("names that are empty or too long are refused") {
  temporary_folder folder;
  auto nameless = logic::described();
  nameless.name.clear();
  CHECK(try_open(folder / "state", nameless).error().code == errc::invalid);
  nameless.name = std::string(65, 'x');
  CHECK(try_open(folder / "state", nameless).error().code == errc::invalid);
  replicated_state::settings how;
  how.cluster_id = std::string(65, 'x');
  CHECK(try_open(folder / "state", logic::described(), how).error().code == errc::invalid);
  CHECK_FALSE(std::filesystem::exists(folder / "state"));
}

TEST_CASE("a state knows its cluster and its group's certificate") {
  temporary_folder folder;
  replicated_state::settings how;
  how.birth = encode(group_birth{"group", "reef", "raft", {}, {{1, "m-1", "a:1", "folder"}}});
  auto state = try_open(folder / "state", logic::described(), how);
  REQUIRE(state.has_value());
  CHECK(ask(**state, "cluster") == "reef");
  CHECK(ask(**state, "birth") == how.birth);
}

TEST_CASE("bytes that are no certificate make no state") {
  temporary_folder folder;
  replicated_state::settings how;
  how.birth = "certificate";
  CHECK(try_open(folder / "state", logic::described(), how).error().code == errc::corrupt);
  CHECK_FALSE(std::filesystem::exists(folder / "state"));
}

TEST_CASE("an application that uses a key of the framework ends its replica") {
  temporary_folder folder;
  for (std::string key :
       {std::string{}, std::string(1, '\0'), std::string{"\x02session"}, std::string{"\x0f"}}) {
    auto state = open(folder / std::to_string(key.size() + static_cast<std::size_t>(key[0])));
    auto bytes = entry_of(1, 1, use_row, key);
    spi::committed_entry entry{1, 0, false, bytes};
    auto applied = state->apply({&entry, 1});
    REQUIRE_FALSE(applied.has_value());
    CHECK(applied.error().code == errc::internal);
    CHECK_MESSAGE(contains(applied.error().message, "'tally' used a key"), applied.error().message);
    CHECK_FALSE(state->query("sum").has_value());
    CHECK_FALSE(state->flush().has_value());
  }
  auto state = open(folder / "allowed");
  CHECK(run(*state, 1, 1, use_row, "\x10").has_value());
  CHECK(ask(*state, "scan \x10") == "\x10=value ");
  CHECK(run(*state, 1, 2, use_row, "\xff\xff").has_value());
  CHECK(ask(*state, "scan \xff") == "\xff\xff=value ");
}

TEST_CASE(
    "a query that scans the framework's rows, or rows without order, or finds damage, gets no "
    "answer, and no later query does") {
  temporary_folder folder;
  for (std::string query : {"scan ", "scan \x03", "scan s", "damage"}) {
    auto state =
        open(folder / std::to_string(query.size() + static_cast<std::size_t>(query.back())));
    CHECK(ask(*state, "sum") == "0");
    auto answer = state->query(query);
    REQUIRE_FALSE(answer.has_value());
    CHECK(state->query("sum").error().code ==
          (query == "damage" ? errc::corrupt : errc::unavailable));
    if (query == "damage")
      CHECK_MESSAGE(contains(answer.error().message, "in the tally's database; let the replica in"),
                    answer.error().message);
  }
}

TEST_CASE("a logic that throws on a command ends its replica, and on a query is answered for") {
  temporary_folder folder;
  auto state = open(folder / "state");
  CHECK(*run(*state, 1, 1, add, "a") == "1");
  auto answer = decode_answer(state->query("throw").value());
  CHECK(answer.error().code == errc::internal);
  CHECK(contains(answer.error().message, "'tally' threw during a query: out of luck"));
  CHECK(ask(*state, "a") == "1");
  auto bytes = entry_of(1, 2, throw_up, "a");
  spi::committed_entry entry{2, 0, false, bytes};
  auto applied = state->apply({&entry, 1});
  REQUIRE_FALSE(applied.has_value());
  CHECK(contains(applied.error().message, "threw during a command: out of luck"));
  CHECK_FALSE(state->query("a").has_value());
  CHECK_FALSE(state->flush().has_value());
}

TEST_CASE("a state whose rows the logic can't read doesn't open") {
  temporary_folder folder;
  open(folder / "state");
  write_row(folder / "state", "sum", std::nullopt);
  auto damaged = try_open(folder / "state");
  REQUIRE_FALSE(damaged.has_value());
  CHECK(damaged.error().code == errc::corrupt);
  CHECK(contains(damaged.error().message, "the sum"));
}

TEST_CASE(
    "commands are checked before they are proposed, and on a full disk only those that take no "
    "space are carried out") {
  temporary_folder folder;
  replicated_state::settings how;
  how.free_bytes_min = std::uint64_t{1} << 60;
  auto state = try_open(folder / "state", logic::described(), how);
  REQUIRE(state.has_value());
  auto check = [&](const std::string& bytes) { return (*state)->admission_check(bytes); };
  CHECK(check(entry_of(1, 1, add, "a"))->code == errc::no_space);
  CHECK(contains(check(entry_of(1, 1, add, "a"))->message, "the tally's disk"));
  CHECK_FALSE(check(entry_of(1, 1, clear, "a")).has_value());
  CHECK((*state)->takes_space(entry_of(1, 1, add, "a")));
  CHECK_FALSE((*state)->takes_space(entry_of(1, 1, clear, "a")));
  CHECK(check(entry_of(1, 1, 99, "a"))->code == errc::invalid);
  CHECK(check("not a command")->code == errc::invalid);
  CHECK((*state)->takes_space("not a command"));
}
