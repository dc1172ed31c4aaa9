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
    commands::put_file put{"/d/file", 7, std::string(1 + i % 50, static_cast<char>('a' + i % 26)),
                           true, true};
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
        auto opened = names.query(queries::open{"/d/file"});
        if (!opened || opened->inline_bytes.size() != opened->size_bytes ||
            opened->inline_bytes.find_first_not_of(opened->inline_bytes[0]) != std::string::npos ||
            opened->version < version)
          ++wrong;
        else
          version = opened->version;
        // So does its directory while other entries are added and removed.
        auto listed = names.query(queries::list{"/d", {}, 0});
        auto stat = names.query(queries::stat{"/d"});
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
      (void)names.run(commands::remove{"/d/other"});
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
