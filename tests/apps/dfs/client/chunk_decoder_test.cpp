#include "client/chunk_decoder.hpp"

#include <atoll/core/crc32c.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

/// A client's choice of the fragments that decode to the stored chunk.
using namespace dfs;
using namespace atl::spi;

namespace {

/// `data` equal parts and their XOR; any `data` of them are enough.
struct parity : recovery {
  explicit parity(std::uint32_t parts) : data{parts} {}

  fragment_layout layout() const override { return {data + 1, data, data + 1, false}; }
  std::size_t fragment_size(std::size_t size, std::uint32_t) const override { return size / data; }
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    auto part = chunk.size() / data;
    std::vector<std::string_view> out;
    scratch.assign(part, '\0');
    for (std::uint32_t i = 0; i < data; ++i) {
      out.push_back(chunk.substr(i * part, part));
      for (std::size_t at = 0; at < part; ++at)
        scratch[at] = static_cast<char>(scratch[at] ^ out.back()[at]);
    }
    out.push_back(scratch);
    return out;
  }
  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    scratch.assign(size, '\0');
    auto part = size / data;
    for (std::uint32_t i = 0; i < data; ++i)
      for (std::size_t at = 0; at < part; ++at) {
        char byte = 0;
        if (fragments[i])
          byte = (*fragments[i])[at];
        else
          for (auto& other : fragments)
            byte = static_cast<char>(byte ^ (other ? (*other)[at] : 0));
        scratch[i * part + at] = mistake(i, fragments) ? '?' : byte;
      }
    return scratch;
  }
  bool enough(const std::vector<bool>& present) const override {
    return std::count(present.begin(), present.end(), true) >= data;
  }
  verdict judge(const chunk_report&) const override { return {}; }
  std::vector<repair_step> plan(std::span<const chunk_report>) const override { return {}; }

  std::uint32_t data;
  std::function<bool(std::uint32_t, std::span<const std::optional<std::string_view>>)> mistake =
      [](auto, auto) { return false; };
};

/// Each fragment is the chunk.
struct copies : recovery {
  fragment_layout layout() const override { return {3, 1, 1, true}; }
  std::size_t fragment_size(std::size_t size, std::uint32_t) const override { return size; }
  std::vector<std::string_view> encode(std::string_view chunk, std::string&) const override {
    return {chunk, chunk, chunk};
  }
  std::optional<std::string_view> decode(std::size_t,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string&) const override {
    for (auto& each : fragments)
      if (each)
        return each;
    return std::nullopt;
  }
  bool enough(const std::vector<bool>& present) const override {
    return std::count(present.begin(), present.end(), true) >= 1;
  }
  verdict judge(const chunk_report&) const override { return {}; }
  std::vector<repair_step> plan(std::span<const chunk_report>) const override { return {}; }
};

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
