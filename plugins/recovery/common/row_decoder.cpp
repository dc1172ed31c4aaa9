#include "row_decoder.hpp"

#include <algorithm>
#include <cstring>

namespace atl::coded {

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

/// A cell after the other, so that what is read for several fragments stays in the cache.
bool row_decoder::make(std::span<const wanted_rows> wanted, const place& to) {
  if (wanted.empty())
    return true;
  auto begin = std::ranges::min(wanted, {}, [](auto& each) { return each.rows.begin; }).rows.begin;
  auto end = std::ranges::max(wanted, {}, [](auto& each) { return each.rows.end; }).rows.end;
  for (auto cell = begin / layout_.cell_bytes * layout_.cell_bytes; cell < end;
       cell += layout_.cell_bytes) {
    std::vector<wanted_rows> lost;
    for (auto& each : wanted) {
      row_range rows{std::max(each.rows.begin, cell),
                     std::min(each.rows.end, cell + layout_.cell_bytes)};
      if (rows.empty())
        continue;
      if (auto bytes = read(each.fragment, rows))
        std::memcpy(to(each.fragment, rows.begin), bytes->data(), bytes->size());
      else
        lost.push_back({each.fragment, rows});
    }
    while (!lost.empty()) {
      auto rows = lost.front().rows;
      std::vector<std::uint32_t> alike;
      for (auto& each : lost)
        if (each.rows == rows)
          alike.push_back(each.fragment);
      std::erase_if(lost, [&](auto& each) { return each.rows == rows; });
      if (!make_lost(alike, rows, to))
        return false;
    }
  }
  return true;
}

bool row_decoder::make_lost(const std::vector<std::uint32_t>& fragments, row_range rows,
                            const place& to) {
  std::vector<std::uint32_t> present;
  std::vector<std::string_view> there(layout_.total());
  for (std::uint32_t other = 0; other < layout_.total(); ++other) {
    if (std::ranges::find(fragments, other) != fragments.end())
      continue;
    if (auto bytes = known(other, rows)) {
      present.push_back(other);
      there[other] = *bytes;
    }
  }
  if (present != present_ || fragments != wanted_) {
    decoder_ = code_.make_decoder(present, fragments);
    present_ = present;
    wanted_ = fragments;
  }
  if (!decoder_)
    return false;
  auto bytes = rows.end - rows.begin;
  auto sources = decoder_->sources();
  std::vector<const unsigned char*> from;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto own = there[sources[i]];
    if (own.size() < bytes) {
      filled_.resize(sources.size() * layout_.cell_bytes);
      auto* beside = filled_.data() + i * layout_.cell_bytes;
      std::fill(std::copy(own.begin(), own.end(), beside), beside + bytes, '\0');
      own = {beside, bytes};
    }
    from.push_back(reinterpret_cast<const unsigned char*>(own.data()));
  }
  std::vector<unsigned char*> made;
  for (auto fragment : fragments)
    made.push_back(reinterpret_cast<unsigned char*>(to(fragment, rows.begin)));
  decoder_->run(bytes, from, made);
  return true;
}

} // namespace atl::coded
