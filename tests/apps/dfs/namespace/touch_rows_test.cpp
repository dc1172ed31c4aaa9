#include "names_fixture.hpp"

#include <fmt/format.h>

using namespace names;

namespace {

/// A state whose rows are on the disk alone, and a command for it.
class cold_state {
 public:
  explicit cold_state(const std::filesystem::path& saved) {
    std::filesystem::copy(saved, folder_ / "names");
    names_ = open(folder_ / "names");
  }

  /// Does the command read rows from the disk while it is applied?
  bool reads_disk(const std::string& bytes) {
    committed_entry entry{names_->applied() + 1, 0, false, bytes};
    auto answers = names_->apply({&entry, 1});
    REQUIRE(answers.has_value());
    CHECK(decode_response<responses::changed>(answers->front()).has_value());
    return !names_->can_apply_inline();
  }
  name_space& names() { return *names_; }

 private:
  temporary_folder folder_;
  std::unique_ptr<name_space> names_;
};

} // namespace

TEST_CASE("a command whose rows were read ahead reads none from the disk, and does the same") {
  subject before;
  before.register_storages();
  auto stored = before.chunk(1);
  for (auto* path : {"/a/b/old", "/a/b/other", "/a/c/text"})
    REQUIRE(before.put(path, {stored, before.chunk(2)}).has_value());
  REQUIRE(before.put("/a/c/inline").has_value());
  for (int i = 0; i < 400; ++i) { // so that rows are in different blocks of the database
    auto path = fmt::format("/filler/{:03}", i);
    if (i == 100)
      stored = before.chunk(100);
    auto done = i % 2 == 0 ? before.put(path, {before.chunk(100)}) : before.put(path);
    REQUIRE(done.has_value());
  }
  auto with_trash = two_copies(); // so that the policy decides what becomes of removed files
  with_trash.trash_us = second_us;
  auto defined = before.run(commands::define_policy{with_trash});
  REQUIRE(before.run(commands::set_policy{at("/"), defined->id}).has_value());
  temporary_folder folder;
  REQUIRE(before.names().save(folder / "saved").has_value());

  auto put = [&](const char* path, std::uint64_t chunk) {
    return new_file(at(path), chunk_pieces({before.chunk(chunk)}));
  };
  auto remove = [&](const char* path, bool recursive = false) {
    return commands::unlink{at(path), commands::unlink::expect::anything, recursive};
  };
  commands::set_attributes shorter;
  shorter.where = at("/a/b/old");
  shorter.mode = 0600;
  const std::vector<action> actions{
      put("/a/b/new", 3),
      put("/a/b/old", 4),
      put("/a/new/deep/new", 5),
      put("/top", 6),
      new_directory(at("/a/d")),
      commands::link{at("/a/b/old"), at("/a/c/second")},
      commands::rename{at("/a/b/old"), at("/a/c/renamed")},
      commands::rename{at("/a/b/old"), at("/a/c/text")},
      remove("/a/b/other"),
      remove("/a/c/inline"),
      remove("/a", true),
      shorter,
      commands::set_xattr{at("/a/b/old"), "user.colour", "blue"},
  };
  for (std::size_t i = 0; i < actions.size(); ++i) {
    CAPTURE(i);
    auto bytes = encode(command{{2, 2}, 1, before.now_us() + second_us, actions[i]});
    cold_state unprepared{folder / "saved"}, prepared{folder / "saved"};
    prepared.names().prepare(bytes);
    CHECK(unprepared.reads_disk(bytes));
    CHECK_FALSE(prepared.reads_disk(bytes));
    CHECK(digest(prepared.names()) == digest(unprepared.names()));
  }
}
