#include "common/per_candidate_state.hpp"

#include <doctest/doctest.h>

using atl::balancers::per_candidate_state;
using atl::spi::candidate;

namespace {

std::vector<candidate> with_ids(const std::vector<std::uint64_t>& ids) {
  std::vector<candidate> all(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    all[i].id = ids[i];
  return all;
}

} // namespace

TEST_CASE("state belongs to an id, wherever the id stands in the list") {
  per_candidate_state<int> book;
  book.open(with_ids({7, 8, 9}));
  book.at(0) = 70;
  book.at(2) = 90;
  book.open(with_ids({9, 5, 7}));
  CHECK(book.at(0) == 90);
  CHECK(book.at(1) == 0);
  CHECK(book.at(2) == 70);
}

TEST_CASE("one that is away for a while is remembered") {
  per_candidate_state<int> book;
  book.open(with_ids({1, 2}));
  book.at(1) = 20;
  for (std::uint64_t call = 0; call < 100; ++call)
    book.open(with_ids({1}));
  book.open(with_ids({2}));
  CHECK(book.at(0) == 20);
}

TEST_CASE("memory stays bounded while a million candidates come and go") {
  per_candidate_state<int> book;
  std::size_t most = 0;
  for (std::uint64_t first = 0; first < 1'000'000; first += 5) {
    book.open(with_ids({first, first + 1, first + 2, first + 3, first + 4}));
    most = std::max(most, book.size());
  }
  CHECK(most <= per_candidate_state<int>::limit_min + 5);
}

TEST_CASE("those that are still listed outlive the ones that are gone") {
  per_candidate_state<int> book;
  book.open(with_ids({1, 2}));
  book.at(0) = 10;
  for (std::uint64_t id = 100; id < 20'000; ++id)
    book.open(with_ids({1, id}));
  CHECK(book.at(0) == 10);
  book.open(with_ids({2}));
  CHECK(book.at(0) == 0);
}

TEST_CASE("a list longer than the limit is kept whole") {
  std::vector<std::uint64_t> ids(3 * per_candidate_state<int>::limit_min);
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = i;
  per_candidate_state<int> book;
  book.open(with_ids(ids));
  for (std::size_t i = 0; i < ids.size(); ++i)
    book.at(i) = static_cast<int>(i);
  book.open(with_ids(ids));
  CHECK(book.at(ids.size() - 1) == static_cast<int>(ids.size() - 1));
  CHECK(book.size() == ids.size());
}
