#include "row_cache.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

using atl::row_cache;

TEST_CASE("the cache returns the last content of each row, also that a row is missing") {
  row_cache rows;
  CHECK(rows.find("a") == nullptr);
  rows.put("a", "1");
  rows.put("b", std::nullopt);
  CHECK(*rows.find("a") == "1");
  CHECK_FALSE(rows.find("b")->has_value());
  rows.put("a", std::nullopt);
  CHECK_FALSE(rows.find("a")->has_value());
  rows.clear();
  CHECK(rows.find("a") == nullptr);
  CHECK(rows.bytes() == 0);
}

TEST_CASE("the cache stays within its size limit, and does not keep a row that is too large") {
  row_cache rows;
  rows.put("small", "1");
  rows.put("small", std::string(row_cache::row_bytes_max, 'x'));
  CHECK(rows.find("small") == nullptr);
  CHECK(rows.bytes() == 0);
  for (int i = 0; i < 20'000; ++i) {
    rows.put(std::to_string(i), std::string(2000, 'x'));
    REQUIRE(rows.bytes() <= row_cache::bytes_max);
  }
  CHECK(rows.find("19999") != nullptr);
}
