#include "tally_service.hpp"

#include <atoll/core/state/saved_state.hpp>

#include <filesystem>
#include <fstream>
#include <map>

using namespace tally;

namespace {

using row_map = std::map<std::string, std::string>;

result<row_map> rows_of(const std::filesystem::path& copy) {
  auto opened = saved_state::open(copy, logic::described());
  if (!opened)
    return tl::unexpected{opened.error()};
  row_map rows;
  auto visited = opened->visit_rows([&](std::string_view key, std::string_view value) {
    rows.emplace(key, value);
    return true;
  });
  if (!visited)
    return tl::unexpected{visited.error()};
  return rows;
}

} // namespace

TEST_CASE("a copy has the application's rows of its time, and is left as it is") {
  temporary_folder folder;
  auto state = open(folder / "state");
  CHECK(*run(*state, 1, 1, add, "a") == "1");
  CHECK(*run(*state, 1, 2, add, "b") == "1");
  row_map expected;
  REQUIRE(state
              ->visit_rows([&](std::string_view key, std::string_view value) {
                expected.emplace(key, value);
                return true;
              })
              .has_value());
  REQUIRE(state->save(folder / "copy").has_value());
  CHECK(*run(*state, 1, 3, add, "c") == "1");
  CHECK(expected.size() >= 2);
  CHECK(*rows_of(folder / "copy") == expected);
  CHECK(*rows_of(folder / "copy") == expected);
  REQUIRE(state->load(folder / "copy").error().code == errc::invalid); // behind, but a whole state
}

TEST_CASE("a visitor may stop early") {
  temporary_folder folder;
  auto state = open(folder / "state");
  for (std::uint64_t i = 1; i <= 5; ++i)
    REQUIRE(run(*state, 1, i, add, std::string(1, static_cast<char>('a' + i))).has_value());
  REQUIRE(state->save(folder / "copy").has_value());
  auto opened = saved_state::open(folder / "copy", logic::described());
  REQUIRE(opened.has_value());
  int visited = 0;
  REQUIRE(opened->visit_rows([&](auto, auto) { return ++visited < 2; }).has_value());
  CHECK(visited == 2);
}

TEST_CASE("a copy with a damaged table is corrupt, and one that isn't there can't be opened") {
  temporary_folder folder;
  {
    auto state = open(folder / "state");
    for (std::uint64_t i = 1; i <= 200; ++i)
      REQUIRE(run(*state, 1, i, add, "key " + std::to_string(i)).has_value());
  }
  auto state = open(folder / "state"); // a start writes the database's log to a table
  REQUIRE(state->save(folder / "copy").has_value());
  auto damaged = false;
  for (auto& entry : std::filesystem::directory_iterator{folder / "copy"})
    if (entry.path().extension() == ".sst") {
      std::fstream file{entry.path(), std::ios::in | std::ios::out | std::ios::binary};
      file.seekp(40);
      file.put('\x7f');
      file.put('\x7f');
      damaged = true;
    }
  REQUIRE(damaged);
  auto rows = rows_of(folder / "copy");
  REQUIRE_FALSE(rows.has_value());
  CHECK(rows.error().code == errc::corrupt);
  CHECK_FALSE(rows_of(folder / "nothing").has_value());
}
