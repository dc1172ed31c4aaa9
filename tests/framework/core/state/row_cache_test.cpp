#include "row_cache.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <malloc.h>
#include <map>
#include <optional>
#include <random>
#include <rapidcheck.h>
#include <string>
#include <vector>

using atl::cached_row;
using atl::row_cache;

namespace {

constexpr std::size_t bytes_max = 1u << 20;

std::string key_of(std::uint64_t number) {
  return fmt::format("key {}", number);
}

/// The cache as its description says, with lists that are searched.
class model {
 public:
  explicit model(std::size_t limit) : bytes_max_{limit} {}

  std::optional<std::optional<std::string>> find(const std::string& key) {
    auto found = take(key);
    if (!found)
      return std::nullopt;
    protect(*found);
    return found->value;
  }

  void put(const std::string& key, std::optional<std::string> value) {
    auto former = take(key);
    row fresh{key, std::move(value)};
    if (fresh.bytes() > row_cache::row_bytes_max)
      return;
    if (former && former->was_protected)
      protect(fresh);
    else
      probation_.push_front(fresh);
  }

  /// @param index_bytes what the index of the real cache takes
  void make_room(std::size_t index_bytes) {
    while (rows() > 0 && bytes(probation_) + bytes(protected_) + index_bytes > bytes_max_)
      (probation_.empty() ? protected_ : probation_).pop_back();
  }

  std::size_t rows() const { return probation_.size() + protected_.size(); }

 private:
  struct row {
    std::string key;
    std::optional<std::string> value;
    bool was_protected = false;

    std::size_t bytes() const {
      return cached_row::allocated_bytes(key.size(), value ? value->size() : 0);
    }
  };
  using rows_in_order = std::list<row>;

  static std::size_t bytes(const rows_in_order& rows) {
    std::size_t sum = 0;
    for (auto& it : rows)
      sum += it.bytes();
    return sum;
  }

  std::optional<row> take(const std::string& key) {
    for (auto* rows : {&probation_, &protected_}) {
      auto found = std::ranges::find(*rows, key, &row::key);
      if (found == rows->end())
        continue;
      auto taken = *found;
      taken.was_protected = rows == &protected_;
      rows->erase(found);
      return taken;
    }
    return std::nullopt;
  }

  void protect(const row& it) {
    protected_.push_front(it);
    while (bytes(protected_) > bytes_max_ / 8 * 5 && protected_.size() > 1) {
      probation_.push_front(protected_.back());
      protected_.pop_back();
    }
  }

  std::size_t bytes_max_;
  rows_in_order probation_;
  rows_in_order protected_;
};

struct step {
  int what = 0; ///< 0: a look-up; 1: a row; 2: a row that is missing from the database
  std::uint64_t key = 0;
  std::size_t size = 0;
};

rc::Gen<step> gen_step() {
  return rc::gen::build<step>(
      rc::gen::set(&step::what, rc::gen::inRange(0, 3)),
      rc::gen::set(&step::key, rc::gen::inRange<std::uint64_t>(0, 60)),
      rc::gen::set(&step::size, rc::gen::weightedOneOf<std::size_t>(
                                    {{8, rc::gen::inRange<std::size_t>(0, 700)},
                                     {1, rc::gen::inRange<std::size_t>(7000, 9000)}})));
}

} // namespace

TEST_CASE("the cache returns the last content of each row, also that a row is missing") {
  row_cache rows{bytes_max};
  CHECK_FALSE(rows.find("a").has_value());
  rows.put("a", "1");
  rows.put("b", std::nullopt);
  rows.put("c", "");
  CHECK(rows.find("a")->value == "1");
  CHECK_FALSE(rows.find("b")->exists);
  CHECK(rows.find("c")->exists);
  CHECK(rows.find("c")->value.empty());
  rows.put("a", std::nullopt);
  CHECK_FALSE(rows.find("a")->exists);
  rows.clear();
  CHECK_FALSE(rows.contains("a"));
  CHECK(rows.rows() == 0);
}

TEST_CASE("the cache stays within its size limit, and does not keep a row that is too large") {
  row_cache rows{bytes_max};
  rows.put("small", "1");
  rows.put("small", std::string(row_cache::row_bytes_max, 'x'));
  CHECK_FALSE(rows.contains("small"));
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    rows.put(key_of(i), std::string(i % 300, 'x'));
    REQUIRE(rows.bytes() <= bytes_max);
  }
  CHECK(rows.contains(key_of(19'999)));
  CHECK(rows.bytes() > bytes_max / 10 * 9);
}

TEST_CASE("a row in use outlasts any number of rows that are used once, and leaves when others are "
          "in use") {
  row_cache rows{bytes_max};
  rows.put("in use", "1");
  REQUIRE(rows.find("in use").has_value());
  for (std::uint64_t i = 0; i < 20'000; ++i)
    rows.put(key_of(i), "once");
  REQUIRE(rows.contains("in use"));
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    rows.put(key_of(i), "twice");
    rows.find(key_of(i));
  }
  CHECK_FALSE(rows.contains("in use"));
}

TEST_CASE("in any history the cache holds the rows of the model, with their contents") {
  CHECK(rc::check([] {
    auto limit = *rc::gen::element<std::size_t>(0, 3000, 12'000, 40'000);
    row_cache rows{limit};
    model expected{limit};
    for (auto& it : *rc::gen::resize(400, rc::gen::container<std::vector<step>>(gen_step()))) {
      auto key = key_of(it.key);
      if (it.what == 0) {
        auto found = rows.find(key);
        auto wanted = expected.find(key);
        RC_ASSERT(found.has_value() == wanted.has_value());
        if (found)
          RC_ASSERT((found->exists ? std::optional{std::string{found->value}} : std::nullopt) ==
                    *wanted);
      } else {
        auto value = it.what == 1
                         ? std::optional{std::string(it.size, static_cast<char>('a' + it.key % 26))}
                         : std::nullopt;
        rows.put(key, value);
        expected.put(key, value);
        expected.make_room(rows.index_bytes());
      }
      RC_ASSERT(rows.rows() == expected.rows());
      RC_ASSERT(rows.bytes() <= std::max(limit, rows.index_bytes()));
    }
  }));
}

TEST_CASE("every row is found while the index grows, and none after it left") {
  row_cache rows{std::size_t{64} << 20};
  std::mt19937_64 random{7};
  std::map<std::string, std::string> all;
  for (int i = 0; i < 30'000; ++i) {
    auto key = key_of(random());
    rows.put(key, key + "'s");
    all[key] = key + "'s";
    auto known = all.lower_bound(key_of(random()));
    if (known != all.end())
      REQUIRE(rows.find(known->first)->value == known->second);
  }
  REQUIRE(rows.rows() == all.size());
  for (auto& [key, value] : all)
    REQUIRE(rows.find(key)->value == value);
}

// A sanitizer's allocator doesn't tell what it gave out.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("the cache counts the memory that it takes, within a twentieth") {
  std::mt19937_64 random{11};
  for (std::size_t size : {0, 20, 300}) {
    auto in_use = [] { // large blocks are apart
      auto all = ::mallinfo2();
      return all.uordblks + all.hblkhd;
    };
    auto before = in_use();
    row_cache rows{std::size_t{8} << 20};
    for (int i = 0; i < 150'000; ++i)
      rows.put(key_of(random()), std::string(size + random() % 16, 'x'));
    auto taken = in_use() - before;
    CAPTURE(size);
    CHECK(taken < rows.bytes() / 20 * 21);
    CHECK(taken > rows.bytes() / 20 * 19);
  }
}
#endif
