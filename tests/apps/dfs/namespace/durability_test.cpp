#include "names_fixture.hpp"

#include <atoll/spi/random.hpp>

#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <signal.h>
#include <spawn.h>
#include <tuple>
#include <unistd.h>

using namespace names;
namespace fs = std::filesystem;

namespace {

constexpr const char* folder_variable = "ATOLL_TEST_NAMES_FOLDER";
constexpr std::uint64_t entries_in_all = 3000;

/// The entry at an index, always the same: files that come, are replaced, moved and removed.
std::string entry_at(std::uint64_t index) {
  atl::spi::random_source random{index};
  auto path = [&] { return at(fmt::format("/{}/{}", random.below(5), random.below(20))); };
  auto encoded = [index](action what) {
    return encode(command{{1, 1}, index, birth_us + index, std::move(what)});
  };
  if (index == 1)
    return encoded(commands::define_policy{two_copies()});
  if (index == 2)
    return encoded(commands::set_policy{at("/"), 1});
  auto text = [&] { return text_pieces(std::string(1 + random.below(500), 'x')); };
  switch (random.below(8)) {
  case 0:
    return encoded(commands::unlink{path(), commands::unlink::expect::anything, true});
  case 1:
    return encoded(commands::rename{path(), path()});
  case 2:
    return encoded(commands::link{path(), path()});
  case 3: {
    commands::write written{path()};
    written.pieces = text();
    written.pieces.front().offset_bytes = random.below(500);
    return encoded(written);
  }
  case 4: {
    commands::collect_garbage some;
    some.reclaimed_inodes_max = 3;
    return encoded(some);
  }
  default:
    return encoded(new_file(path(), text()));
  }
}

void apply_up_to(name_space& names, std::uint64_t last) {
  while (names.applied() < last)
    apply_entry(names, entry_at(names.applied() + 1));
}

fs::path newest(const fs::path& folder, const std::string& extension) {
  fs::path found;
  for (auto& entry : fs::directory_iterator{folder})
    if (entry.path().extension() == extension && entry.file_size() > 0 && entry.path() > found)
      found = entry.path();
  return found;
}

/// A name space with several blocks of tables, all in files.
void make_large_copy(const fs::path& place) {
  subject names;
  for (int i = 0; i < 2000; ++i)
    REQUIRE(names.put(fmt::format("/{:04}", i), std::string(500, 'x')).has_value());
  REQUIRE(names.names().save(place).has_value());
}

/// In a block after the first one, which has the framework's rows, of the largest table.
void damage_a_row(const fs::path& place) {
  fs::path largest;
  for (auto& entry : fs::directory_iterator{place})
    if (entry.path().extension() == ".sst" &&
        (largest.empty() || entry.file_size() > fs::file_size(largest)))
      largest = entry.path();
  REQUIRE_FALSE(largest.empty());
  std::fstream file{largest, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(4500);
  file << "damaged";
}

} // namespace

// Run by the test below, in a process of its own.
TEST_CASE("the process that applies until it is killed") {
  auto* folder = std::getenv(folder_variable);
  if (folder == nullptr)
    return;
  auto names = open(folder);
  while (names->applied() < entries_in_all) {
    apply_up_to(*names, names->applied() + 1);
    if (names->applied() % 7 == 0)
      REQUIRE(names->flush().has_value());
    std::ignore = ::write(STDERR_FILENO, ".", 1);
  }
}

TEST_CASE("after a kill at any moment the applied index matches the effects, and later entries "
          "can be applied again") {
  temporary_folder folder;
  auto expected = open(folder / "never killed");
  apply_up_to(*expected, entries_in_all);
  auto victim = (folder / "killed").string();
  ::setenv(folder_variable, victim.c_str(), 1);
  auto program = fs::read_symlink("/proc/self/exe").string();
  std::string only = "--test-case=the process that applies until it is killed";
  char* words[] = {program.data(), only.data(), nullptr};
  std::uint64_t reached = 0;
  std::size_t kills = 0;
  for (; kills < 200 && reached < entries_in_all; ++kills) {
    int output[2];
    REQUIRE(::pipe(output) == 0);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, output[1], STDERR_FILENO);
    ::posix_spawn_file_actions_addclose(&files, output[0]);
    pid_t child = 0;
    REQUIRE(::posix_spawn(&child, program.c_str(), &files, nullptr, words, environ) == 0);
    ::posix_spawn_file_actions_destroy(&files);
    ::close(output[1]);
    // Each kill comes a little later; the child continues until the signal arrives.
    char dot = 0;
    for (std::size_t entries = 0; entries < 1 + 20 * kills; ++entries)
      if (::read(output[0], &dot, 1) != 1)
        break;
    ::kill(child, SIGKILL);
    ::close(output[0]);
    ::waitpid(child, nullptr, 0);
    auto survivor = open(victim);
    CHECK(survivor->applied() >= reached);
    reached = survivor->applied();
    CHECK(audit(*survivor)->findings == std::vector<std::string>{});
    // The content is exactly the result of the entries up to the applied index.
    if (kills % 4 == 0) {
      auto fresh = open(folder / fmt::format("fresh {}", kills));
      apply_up_to(*fresh, reached);
      CHECK(digest(*fresh) == digest(*survivor));
    }
  }
  ::unsetenv(folder_variable);
  auto survivor = open(victim);
  apply_up_to(*survivor, entries_in_all);
  CHECK(digest(*survivor) == digest(*expected));
  CHECK(kills > 1);
}

TEST_CASE("an installed snapshot equals its source, and later entries can be applied") {
  temporary_folder folder;
  auto source = open(folder / "source");
  apply_up_to(*source, 500);
  auto saved = source->save(folder / "snapshot");
  REQUIRE(saved.has_value());
  CHECK(*saved == 500);
  auto at_snapshot = digest(*source);
  apply_up_to(*source, 600);
  auto target = open(folder / "target");
  apply_up_to(*target, 20);
  auto loaded = target->load(folder / "snapshot");
  REQUIRE_MESSAGE(loaded.has_value(), loaded.error().message);
  CHECK(*loaded == 500);
  CHECK(target->applied() == 500);
  CHECK(digest(*target) == at_snapshot);
  target.reset();
  target = open(folder / "target");
  CHECK(digest(*target) == at_snapshot);
  apply_up_to(*target, 600);
  CHECK(digest(*target) == digest(*source));
}

TEST_CASE("an invalid, foreign or outdated snapshot is refused and changes nothing") {
  temporary_folder folder;
  auto target = open(folder / "target");
  apply_up_to(*target, 100);
  auto before = digest(*target);
  SUBCASE("invalid bytes") {
    fs::create_directories(folder / "bad");
    std::ofstream{folder / "bad" / "CURRENT"} << "no manifest\n";
  }
  SUBCASE("a snapshot of another cluster") {
    name_space::settings other;
    other.cluster_id = "lagoon";
    auto foreign = open_name_space(folder / "foreign", other);
    REQUIRE(foreign.has_value());
    apply_up_to(**foreign, 200);
    REQUIRE((*foreign)->save(folder / "bad").has_value());
  }
  SUBCASE("a snapshot older than the state") {
    auto young = open(folder / "young");
    apply_up_to(*young, 50);
    REQUIRE(young->save(folder / "bad").has_value());
  }
  CHECK_FALSE(target->load(folder / "bad").has_value());
  CHECK(digest(*target) == before);
  apply_up_to(*target, 110);
}

TEST_CASE("a crash during the installation of a snapshot leaves the old state or the new one") {
  temporary_folder folder;
  auto names = open(folder / "names");
  apply_up_to(*names, 100);
  auto before = digest(*names);
  names.reset();
  SUBCASE("the old state was moved away, and the new state not yet in its place") {
    fs::rename(folder / "names", folder / "names.replaced");
  }
  SUBCASE("the new state was in its place, and the old state not yet removed") {
    fs::create_directories(folder / "names.replaced");
    std::ofstream{folder / "names.replaced" / "000001.sst"} << "old";
  }
  names = open(folder / "names");
  CHECK(digest(*names) == before);
  CHECK_FALSE(fs::exists(folder / "names.replaced"));
}

TEST_CASE("a damaged database is refused with its folder's name, and is not changed") {
  temporary_folder folder;
  auto place = folder / "names";
  {
    auto names = open(place);
    apply_up_to(*names, 2000);
    REQUIRE(names->save(folder / "copy").has_value()); // in the copy everything is in table files
  }
  place = folder / "copy";
  SUBCASE("a missing CURRENT") {
    fs::remove(place / "CURRENT");
  }
  SUBCASE("a cut manifest") {
    for (auto& entry : fs::directory_iterator{place})
      if (entry.path().filename().string().starts_with("MANIFEST"))
        fs::resize_file(entry.path(), 10);
  }
  SUBCASE("a missing table") {
    auto table = newest(place, ".sst");
    REQUIRE(!table.empty());
    fs::remove(table);
  }
  name_space::settings settings;
  settings.cluster_id = "reef";
  auto refused = open_name_space(place, settings);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::corrupt);
  CHECK_MESSAGE(refused.error().message.find(place.string()) != std::string::npos,
                refused.error().message);
}

TEST_CASE("a query that hits a damaged row is left to other replicas, and so are all later "
          "queries") {
  temporary_folder folder;
  make_large_copy(folder / "copy");
  auto names = open(folder / "copy");
  auto question_of = [](int i) {
    return encode(query_message{queries::stat{at(fmt::format("/{:04}", i))}});
  };
  CHECK(names->query(question_of(1999)).has_value());
  names.reset();
  damage_a_row(folder / "copy");
  names = open(folder / "copy");
  auto answer = names->query(question_of(0));
  for (int i = 1; i < 1999 && answer; ++i)
    answer = names->query(question_of(i));
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == errc::corrupt);
  CHECK_MESSAGE(answer.error().message.find("dfs admin master replace") != std::string::npos,
                answer.error().message);
  CHECK_FALSE(names->query(question_of(1999)).has_value());
  CHECK_FALSE(names->try_query_in_memory(question_of(1999)).has_value());
}

TEST_CASE("what is asked after a command has hit a damaged row is told that the state is damaged") {
  temporary_folder folder;
  make_large_copy(folder / "copy");
  damage_a_row(folder / "copy");
  auto names = open(folder / "copy");
  auto applied = atl::status{};
  for (int i = 0; i < 2000 && applied; ++i) {
    auto index = names->applied() + 1;
    commands::unlink remove{at(fmt::format("/{:04}", i)), commands::unlink::expect::anything, true};
    committed_entry entry{index, 0, false,
                          encode(command{{1, 1}, index, birth_us + index, remove})};
    if (auto answers = names->apply({&entry, 1}); !answers)
      applied = tl::unexpected{answers.error()};
  }
  REQUIRE_FALSE(applied.has_value());
  CHECK(applied.error().code == errc::corrupt);
  auto asked = names->query(encode(query_message{queries::stat{at("/1999")}}));
  REQUIRE_FALSE(asked.has_value());
  CHECK(asked.error().code == errc::corrupt); // a host rebuilds what is damaged
}

TEST_CASE("a snapshot of a damaged name space is refused, even if no read has hit the damage") {
  temporary_folder folder;
  make_large_copy(folder / "copy");
  auto question_of_a_whole_row = encode(query_message{queries::stat{at("/1999")}});
  auto names = open(folder / "copy");
  REQUIRE(names->save(folder / "whole").has_value());
  CHECK(names->check_saved(folder / "whole").has_value());
  CHECK_FALSE(names->check_saved(folder / "nowhere").has_value());
  CHECK(names->query(question_of_a_whole_row).has_value());
  names.reset();
  damage_a_row(folder / "copy");
  names = open(folder / "copy");
  REQUIRE(names->save(folder / "damaged").has_value());
  auto checked = names->check_saved(folder / "damaged");
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error().code == errc::corrupt);
  CHECK_MESSAGE(checked.error().message.find("dfs admin master replace") != std::string::npos,
                checked.error().message);
  // What is asked next says so too: a host rebuilds what is damaged.
  auto asked = names->query(question_of_a_whole_row);
  REQUIRE_FALSE(asked.has_value());
  CHECK(asked.error().code == errc::corrupt);
}

TEST_CASE("a folder of another cluster, or one that is already open, is refused") {
  temporary_folder folder;
  auto names = open(folder / "names");
  name_space::settings settings;
  settings.cluster_id = "reef";
  CHECK(open_name_space(folder / "names", settings).error().code == errc::busy);
  names.reset();
  settings.cluster_id = "lagoon";
  auto refused = open_name_space(folder / "names", settings);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::refused);
  CHECK(refused.error().message.find("reef") != std::string::npos);
}

TEST_CASE(
    "below the disk's reserve commands that add are refused, and those that free space are not") {
  temporary_folder folder;
  name_space::settings settings;
  settings.free_bytes_min = std::uint64_t{1} << 60;
  auto names = open_name_space(folder / "names", settings);
  REQUIRE(names.has_value());
  auto declaration_error = [&](action what) {
    return (*names)->admission_check(encode(command{{1, 1}, 1, birth_us, std::move(what)}));
  };
  auto why = declaration_error(new_directory(at("/d")));
  REQUIRE(why.has_value());
  CHECK(why->code == errc::no_space);
  CHECK(why->message.find("reserve") != std::string::npos);
  CHECK((*names)->shortage() == why->message);
  CHECK_FALSE(declaration_error(commands::unlink{at("/d")}).has_value());
  CHECK_FALSE(declaration_error(commands::collect_garbage{}).has_value());
  auto malformed = (*names)->admission_check("garbage");
  REQUIRE(malformed.has_value());
  CHECK(malformed->code != errc::no_space);
}

TEST_CASE("a flush is due when much data is only in memory, or when the log must keep many "
          "entries") {
  subject names;
  std::string text(16u << 10, 'x');
  auto due = [&] { return names.names().flush_due(); };
  REQUIRE_FALSE(due());
  SUBCASE("many rows") {
    for (int i = 0; i < 1000 && !due(); ++i)
      REQUIRE(names.put(fmt::format("/{}", i), text).has_value());
  }
  SUBCASE("many commands about few rows") {
    for (int i = 0; i < 1000 && !due(); ++i)
      REQUIRE(names.put("/same", text).has_value());
  }
  CHECK(due());
  REQUIRE(names.names().flush().has_value());
  CHECK_FALSE(due());
}

TEST_CASE("queries and entries whose rows aren't in memory are not handled inline") {
  subject names;
  std::string text(4000, 'x');
  for (auto* file : {"/a", "/b"})
    for (int i = 0; i < 100; ++i) // the rows are in many blocks
      REQUIRE(names.put(fmt::format("{}{}", file, i), text).has_value());
  auto asked = encode(query_message{queries::open{at("/a50")}});
  CHECK(names.names().try_query_in_memory(asked) == names.names().query(asked).value());
  CHECK_FALSE(names.names().try_query_in_memory(encode(query_message{queries::list{at("/")}})));
  CHECK(names.names().can_apply_inline());

  names.restart();
  CHECK_FALSE(names.names().try_query_in_memory(asked).has_value());
  auto answer = names.names().query(asked).value(); // which loads the row into memory
  CHECK(names.names().try_query_in_memory(asked) == answer);
  REQUIRE(names.put("/b50", text).has_value());
  CHECK_FALSE(names.names().can_apply_inline());
  for (int i = 0; i < 100 && !names.names().can_apply_inline(); ++i)
    REQUIRE(names.put("/b50", text).has_value());
  CHECK(names.names().can_apply_inline());
}

TEST_CASE("changes of an entry that failed are invisible") {
  subject names;
  REQUIRE(names.put("/a").has_value());
  committed_entry misplaced{names.names().applied() + 2, 0, true, {}};
  REQUIRE_FALSE(names.names().apply({&misplaced, 1}).has_value());
  auto seen = names.query(queries::stat{at("/a")});
  REQUIRE_FALSE(seen.has_value());
  CHECK(seen.error().code == errc::unavailable);
  CHECK_FALSE(names.names()
                  .try_query_in_memory(encode(query_message{queries::stat{at("/a")}}))
                  .has_value());
  CHECK_FALSE(names.names().digest().has_value());
  names.restart(); // the database has no trace of the change
  CHECK(names.names().applied() == 0);
}
