#include "common/chunk_decoder.hpp"
#include "simple_schemes.hpp"

#include <atoll/core/crc32c.hpp>

#include <doctest/doctest.h>

#include <algorithm>

/// A client's choice of the fragments that decode to the stored chunk.
using namespace dfs;
using namespace atl::spi;
using dfs::test::copies;
using dfs::test::parity;

namespace {

struct reading {
  explicit reading(const recovery& scheme, std::size_t size = 12)
      : text(size, '-'), into(size, ' ') {
    for (std::size_t i = 0; i < size; ++i)
      text[i] = static_cast<char>('a' + i);
    for (auto fragment : scheme.encode(text, scratch))
      fragments.emplace_back(fragment);
    record = {{1, 2}, size, std::vector<storage_id>(fragments.size(), 7), atl::crc32c(text)};
  }

  std::string text;
  std::string scratch;
  std::string into;
  std::vector<std::string> fragments;
  chunk_record record;
};

bool give(chunk_decoder& decoder, std::uint32_t index, const std::string& bytes) {
  auto buffer = decoder.buffer_for(index);
  REQUIRE(buffer.size() == bytes.size());
  std::ranges::copy(bytes, buffer.begin());
  return decoder.add(index);
}

} // namespace

TEST_CASE("a chunk is decoded as soon as enough fragments are there") {
  parity scheme{3};
  reading it{scheme};
  chunk_decoder decoder{scheme, it.record, it.into};
  CHECK_FALSE(give(decoder, 3, it.fragments[3]));
  CHECK_FALSE(give(decoder, 1, it.fragments[1]));
  CHECK(give(decoder, 0, it.fragments[0]));
  CHECK(it.into == it.text);
  CHECK(decoder.wrong_combinations() == 0);
}

TEST_CASE("any single wrong fragment is left out when the others suffice") {
  parity scheme{3};
  for (std::uint32_t wrong = 0; wrong < 4; ++wrong) {
    CAPTURE(wrong);
    reading it{scheme};
    it.fragments[wrong] = "????";
    chunk_decoder decoder{scheme, it.record, it.into};
    for (std::uint32_t index = 0; index < 4; ++index)
      if (give(decoder, index, it.fragments[index]))
        break;
    CHECK(it.into == it.text);
  }
}

TEST_CASE("data that a scheme decodes wrongly is never returned") {
  parity scheme{3};
  reading it{scheme};
  chunk_decoder decoder{scheme, it.record, it.into};
  SUBCASE("from any fragments") {
    scheme.mistake = [](auto part, auto) { return part == 1; };
    for (std::uint32_t index = 0; index < 4; ++index)
      CHECK_FALSE(give(decoder, index, it.fragments[index]));
    CHECK(decoder.wrong_combinations() > 1);
  }
  SUBCASE("from some fragments: another combination is right") {
    scheme.mistake = [](auto part, auto fragments) { return !fragments[part]; };
    for (std::uint32_t index : {3, 2, 1})
      CHECK_FALSE(give(decoder, index, it.fragments[index]));
    CHECK(give(decoder, 0, it.fragments[0]));
    CHECK(it.into == it.text);
  }
}

TEST_CASE("a copy with other content is skipped for the next one") {
  copies scheme;
  reading it{scheme};
  chunk_decoder decoder{scheme, it.record, it.into};
  CHECK_FALSE(give(decoder, 2, std::string(12, '?')));
  CHECK_FALSE(give(decoder, 0, std::string(12, '!')));
  CHECK(give(decoder, 1, it.text));
  CHECK(it.into == it.text);
}

TEST_CASE("the number of combinations that are tried is bounded") {
  parity scheme{12};
  reading it{scheme, 24};
  it.record.crc ^= 1; // no combination matches
  chunk_decoder decoder{scheme, it.record, it.into};
  for (std::uint32_t index = 0; index < 13; ++index)
    CHECK_FALSE(give(decoder, index, it.fragments[index]));
  CHECK(decoder.wrong_combinations() <= 64);
}
