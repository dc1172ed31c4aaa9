#include "row_decoder.hpp"

#include <algorithm>
#include <string>

namespace atl::coded {

namespace {

/// Rows that are decoded at once: bounds the memory, and stays in the cache.
constexpr std::size_t window_bytes = std::size_t{64} << 10;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

std::optional<std::string_view> row_decoder::read(std::uint32_t fragment, row_range rows) const {
  for (auto& each : pieces_)
    if (each.from.fragment == fragment && each.bytes.size() == each.from.length &&
        each.from.offset <= rows.begin && rows.end - each.from.offset <= each.from.length)
      return each.bytes.substr(rows.begin - each.from.offset, rows.end - rows.begin);
  return std::nullopt;
}

std::optional<std::string_view> row_decoder::known(std::uint32_t fragment, row_range rows) const {
  auto own = clip(rows, layout_.fragment_bytes(size_, fragment));
  if (own.empty() && fragment < layout_.data)
    return std::string_view{};
  return own.empty() ? std::nullopt : read(fragment, own);
}

bool row_decoder::make(
    std::uint32_t fragment, row_range rows,
    const std::function<void(std::size_t row, std::string_view bytes)>& take) const {
  if (auto bytes = read(fragment, rows)) {
    take(rows.begin, *bytes);
    return true;
  }
  std::vector<std::uint32_t> present;
  std::vector<std::string_view> there(layout_.total());
  for (std::uint32_t other = 0; other < layout_.total(); ++other)
    if (auto bytes = other == fragment ? std::nullopt : known(other, rows)) {
      present.push_back(other);
      there[other] = *bytes;
    }
  auto decoder = code_.make_decoder(present, std::span{&fragment, 1});
  if (!decoder)
    return false;
  std::vector<std::string_view> sources;
  for (auto other : decoder->sources())
    sources.push_back(there[other]);
  std::string filled; // a part for each source, once one of them is shorter than the rows
  std::string made(std::min(window_bytes, rows.end - rows.begin), '\0');
  auto* target = reinterpret_cast<unsigned char*>(made.data());
  for (auto row = rows.begin; row < rows.end; row += window_bytes) {
    auto bytes = std::min(window_bytes, rows.end - row);
    std::vector<const unsigned char*> from;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      auto at = std::min(row - rows.begin, sources[i].size());
      auto own = sources[i].substr(at, bytes);
      if (own.size() == bytes) {
        from.push_back(bytes_of(own));
        continue;
      }
      if (filled.empty())
        filled.resize(sources.size() * made.size());
      auto* beside = filled.data() + i * made.size();
      std::fill(std::copy(own.begin(), own.end(), beside), beside + bytes, '\0');
      from.push_back(reinterpret_cast<unsigned char*>(beside));
    }
    decoder->run(bytes, from, std::span{&target, 1});
    take(row, std::string_view{made}.substr(0, bytes));
  }
  return true;
}

} // namespace atl::coded
