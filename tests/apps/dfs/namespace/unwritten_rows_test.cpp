#include "names_fixture.hpp"

#include <atomic>
#include <thread>

using namespace names;

namespace {

/// Replaces a file many times, all at once.
void apply_many(subject& names, int round) {
  constexpr std::uint64_t count = 100;
  std::vector<std::string> commands;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto put = new_file(at("/d/file"),
                        text_pieces(std::string(1 + i % 50, static_cast<char>('a' + i % 26))));
    auto sequence = static_cast<std::uint64_t>(round - 1) * count + i + 1;
    commands.push_back(encode(command{{9, 9}, sequence, names.now_us(), put}));
  }
  std::vector<committed_entry> entries;
  for (auto& bytes : commands)
    entries.push_back({names.names().applied() + entries.size() + 1, 0, false, bytes});
  auto answers = names.names().apply(entries);
  REQUIRE(answers.has_value());
  CHECK(answers->size() == count);
}

} // namespace

TEST_CASE("queries see a state between two entries, also during a flush") {
  subject names;
  names.put("/d/file", "0");
  std::atomic<bool> done{false};
  std::atomic<int> asked{0};
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      std::uint64_t version = 0;
      while (!done || asked < 100) {
        // A replaced file keeps its name, and has the complete content of one version.
        auto opened = names.query(queries::open{at("/d/file")});
        auto text = opened ? text_of(*opened) : std::string{};
        if (text.empty() || text.find_first_not_of(text[0]) != std::string::npos ||
            opened->attributes.version < version)
          ++wrong;
        else
          version = opened->attributes.version;
        // So does its directory while other entries are added and removed.
        auto listed = names.query(queries::list{at("/d")});
        auto stat = names.query(queries::stat{at("/d")});
        if (!listed || !stat || listed->entries.empty() || listed->entries[0].name != "file" ||
            listed->entries.size() > 2)
          ++wrong;
        ++asked;
      }
    });
  for (int i = 1; i <= 400; ++i) {
    names.put("/d/file",
              std::string(static_cast<std::size_t>(1 + i % 50), static_cast<char>('a' + i % 26)));
    if (i % 2)
      names.put("/d/other", "x");
    else
      (void)names.remove("/d/other");
    if (i % 7 == 0)
      REQUIRE(names.names().flush().has_value());
    if (i % 10 == 0)
      apply_many(names, i / 10);
  }
  done = true;
  for (auto& it : readers)
    it.join();
  CHECK(wrong == 0);
}
