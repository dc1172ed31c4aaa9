#include "storage/fragment_index.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

using namespace dfs;

namespace {

stored_fragment fragment_of(std::uint64_t made_us, std::uint64_t random, std::uint64_t generation) {
  auto index = static_cast<std::uint32_t>(random % 3);
  return {{{made_us, random}, index}, random % fragment_bytes_max, generation};
}

/// What the index must say, kept in a simple way.
class model {
 public:
  void put(const stored_fragment& fragment) { all_[fragment.key] = fragment; }
  void erase(const fragment_key& key) { all_.erase(key); }
  std::vector<stored_fragment> slice(const fragment_key& from, std::size_t limit) const {
    std::vector<stored_fragment> out;
    for (auto at = all_.lower_bound(from); at != all_.end() && out.size() < limit; ++at)
      out.push_back(at->second);
    return out;
  }
  std::size_t size() const { return all_.size(); }
  fragment_key any_key(std::mt19937_64& random) const {
    return std::next(all_.begin(), static_cast<std::ptrdiff_t>(random() % all_.size()))->first;
  }

 private:
  std::map<fragment_key, stored_fragment> all_;
};

} // namespace

TEST_CASE("after any changes the index has what was put and not erased, in order") {
  std::mt19937_64 random{7};
  fragment_index index;
  model expected;
  std::uint64_t now = 0;
  // At first most fragments are added, at last most are erased.
  for (int step = 0; step < 20'000; ++step) {
    bool grows = step < 10'000;
    auto dice = random() % 10;
    if (expected.size() > 0 && dice < (grows ? 2 : 7)) {
      auto key = expected.any_key(random);
      auto known = index.find(key);
      REQUIRE(known);
      CHECK(index.erase(key) == known);
      CHECK_FALSE(index.erase(key));
      expected.erase(key);
    } else if (expected.size() > 0 && dice == 9) {
      auto renewed = *index.find(expected.any_key(random));
      renewed.generation = static_cast<std::uint64_t>(step);
      index.put(renewed);
      expected.put(renewed);
    } else {
      // Most are the newest, as in a store; some are repaired copies of older chunks.
      auto made = dice % 3 == 0 ? random() % (now + 1) : ++now;
      auto added = fragment_of(made, random(), static_cast<std::uint64_t>(step));
      index.put(added);
      expected.put(added);
    }
    REQUIRE(index.size() == expected.size());
    if (step % 500 == 0) {
      auto from = expected.any_key(random);
      CHECK(index.slice(from, 700) == expected.slice(from, 700));
      CHECK(index.slice({}, index.size()) == expected.slice({}, expected.size()));
    }
  }
  while (expected.size() > 0) {
    auto key = expected.any_key(random);
    CHECK(index.erase(key));
    expected.erase(key);
  }
  CHECK(index.size() == 0);
  CHECK(index.slice({}, 10).empty());
}

TEST_CASE("slices one after the other give each fragment once, in order") {
  fragment_index index;
  std::mt19937_64 random{8};
  for (std::uint64_t i = 0; i < 5'000; ++i)
    index.put(fragment_of(random() % 1000, random(), i));
  auto all = index.slice({}, index.size());
  REQUIRE(all.size() == 5'000);
  CHECK(std::ranges::is_sorted(all, {}, &stored_fragment::key));
  std::vector<stored_fragment> together;
  for (fragment_key from;;) {
    auto part = index.slice(from, 333);
    together.insert(together.end(), part.begin(), part.end());
    if (part.size() < 333)
      break;
    from = part.back().key;
    ++from.fragment;
  }
  CHECK(together == all);
}

TEST_CASE(
    "a fragment takes at most 64 bytes of the index, in whatever order fragments come and go") {
  constexpr std::uint64_t count = 100'000;
  std::mt19937_64 random{9};
  fragment_index index;
  auto fits = [&] { return index.memory_bytes() <= 64 * index.size(); };
  SUBCASE("the newest last") {
    for (std::uint64_t i = 0; i < count; ++i)
      index.put(fragment_of(i, random(), i));
    CHECK(index.memory_bytes() <= 40 * index.size());
  }
  SUBCASE("in no order, and then half of them erased") {
    for (std::uint64_t i = 0; i < count; ++i)
      index.put(fragment_of(random(), random(), i));
    CHECK(fits());
    auto all = index.slice({}, index.size());
    std::ranges::shuffle(all, random);
    all.resize(all.size() / 2);
    for (auto& each : all)
      index.erase(each.key);
    CHECK(fits());
  }
  SUBCASE("the newest first, and then the oldest erased") {
    for (std::uint64_t i = count; i > 0; --i)
      index.put(fragment_of(i, random(), i));
    CHECK(fits());
    for (auto& each : index.slice({}, count - count / 100))
      index.erase(each.key);
    CHECK(fits());
  }
}
