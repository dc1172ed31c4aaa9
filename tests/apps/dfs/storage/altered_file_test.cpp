// Every possible small change of a fragment's file: it must be found by whatever reads the fragment
// first, and no read may return anything but what was stored.
#include "store_fixture.hpp"

#include <optional>
#include <string>

using namespace dfs;
using namespace dfs::test;

namespace {

struct altered_fixture : store_fixture {
  fragment_key victim = key_of(1);
  fragment_key other = key_of(2);
  std::string data = pattern(300, 1);
  std::string file;
  std::uint64_t damaged = 0;

  altered_fixture() {
    REQUIRE(put(*store, other, pattern(300, 2)));
    store_again();
    std::ifstream in{path_of(victim), std::ios::binary};
    file.assign(std::istreambuf_iterator<char>{in}, {});
    REQUIRE(file.size() > data.size());
  }

  void store_again() { REQUIRE(put(*store, victim, data, durability::replicated)); }

  void write(const std::string& bytes) const {
    std::ofstream out{path_of(victim), std::ios::binary | std::ios::trunc};
    out << bytes;
    REQUIRE(out.flush());
  }

  /// What a reader gets; none: an error.
  std::optional<std::string> read() const {
    auto opened = store->open(victim);
    if (!opened)
      return std::nullopt;
    std::string out(opened->size, '\0');
    if (!read_checked(victim, *opened, 0, std::as_writable_bytes(std::span{out})))
      return std::nullopt;
    return out;
  }

  /// The file was altered: a reader, or a scrub, finds that, and moves it aside.
  void must_be_found(bool by_reader, const std::string& how) {
    CAPTURE(how);
    if (by_reader) {
      REQUIRE_FALSE(read());
      if (store->find(victim)) // the data is damaged, which a reader reports
        REQUIRE(store->quarantine(victim));
    } else {
      auto sound = store->check(victim, {.from_disk = true});
      REQUIRE((sound.has_value() ? !*sound : sound.error().code == atl::errc::corrupt));
    }
    REQUIRE(store->usage()->damaged == ++damaged);
    REQUIRE(store->open(victim).error().code == atl::errc::not_found);
    store_again();
  }
};

} // namespace

TEST_CASE_FIXTURE(altered_fixture, "every single flipped bit of a fragment's file is found by a "
                                   "reader and by a scrub, and never read") {
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit)
    for (auto by_reader : {true, false}) {
      auto altered = file;
      altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << (bit % 8)));
      write(altered);
      must_be_found(by_reader, "bit " + std::to_string(bit));
    }
  CHECK(read() == data);
}

TEST_CASE_FIXTURE(altered_fixture, "a fragment's file that is cut to any length, grown, deleted or "
                                   "swapped is found by a reader and by a scrub, and never read") {
  for (auto by_reader : {true, false}) {
    for (std::size_t length = 0; length < file.size(); ++length) {
      write(file.substr(0, length));
      must_be_found(by_reader, "cut to " + std::to_string(length));
    }
    for (std::size_t more = 1; more <= 64; ++more) {
      write(file + std::string(more, '\0'));
      must_be_found(by_reader, "grown by " + std::to_string(more));
      write(file + file.substr(0, more));
      must_be_found(by_reader, "followed by its own first " + std::to_string(more));
    }
    std::filesystem::remove(path_of(victim));
    must_be_found(by_reader, "deleted");
    std::filesystem::copy_file(path_of(other), path_of(victim),
                               std::filesystem::copy_options::overwrite_existing);
    must_be_found(by_reader, "swapped");
  }
  CHECK(read() == data);
  CHECK(get(*store, other) == pattern(300, 2));
}
