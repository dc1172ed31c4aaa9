#include "striped_codec.hpp"

#include "cell_rows.hpp"
#include "row_decoder.hpp"

#include <algorithm>
#include <cstring>

namespace atl::coded {

void striped_codec::encode_stripe(std::span<const std::string_view> data,
                                  std::span<const std::span<char>> parity) const {
  auto bytes = data.front().size();
  std::string filled;
  std::vector<const unsigned char*> from;
  for (std::size_t i = 0; i < data.size(); ++i) {
    auto cell = data[i];
    if (cell.size() < bytes) {
      if (filled.empty())
        filled.resize(data.size() * bytes);
      std::copy(cell.begin(), cell.end(), filled.data() + i * bytes);
      cell = std::string_view{filled}.substr(i * bytes, bytes);
    }
    from.push_back(reinterpret_cast<const unsigned char*>(cell.data()));
  }
  std::vector<unsigned char*> to;
  for (auto cell : parity)
    to.push_back(reinterpret_cast<unsigned char*>(cell.data()));
  code_.encode(bytes, from, to);
}

std::vector<std::string_view> striped_codec::encode(std::string_view chunk,
                                                    std::string& scratch) const {
  std::vector<std::size_t> begins{0};
  for (std::uint32_t index = 0; index < layout_.total(); ++index)
    begins.push_back(begins.back() + layout_.fragment_bytes(chunk.size(), index));
  scratch.resize(begins.back());
  for (std::size_t stripe = 0; stripe < layout_.stripes(chunk.size()); ++stripe) {
    std::vector<std::string_view> data;
    std::vector<std::span<char>> parity;
    for (std::uint32_t index = 0; index < layout_.total(); ++index) {
      auto* cell = scratch.data() + begins[index] + stripe * layout_.cell_bytes;
      auto bytes = layout_.cell_bytes_of(chunk.size(), stripe, index);
      if (index >= layout_.data) {
        parity.emplace_back(cell, bytes);
        continue;
      }
      auto at = stripe * layout_.stripe_bytes() + index * layout_.cell_bytes;
      if (bytes > 0)
        std::memcpy(cell, chunk.data() + at, bytes);
      data.emplace_back(cell, bytes);
    }
    encode_stripe(data, parity);
  }
  std::vector<std::string_view> fragments;
  for (std::uint32_t index = 0; index < layout_.total(); ++index)
    fragments.push_back(
        std::string_view{scratch}.substr(begins[index], begins[index + 1] - begins[index]));
  return fragments;
}

std::optional<std::string_view>
striped_codec::decode(std::size_t size, std::span<const std::optional<std::string_view>> fragments,
                      std::string& scratch) const {
  std::vector<spi::piece> pieces;
  std::vector<std::uint32_t> present, data;
  for (std::uint32_t index = 0; index < layout_.total(); ++index) {
    if (index < layout_.data)
      data.push_back(index);
    if (auto bytes = layout_.fragment_bytes(size, index);
        index < fragments.size() && fragments[index] && fragments[index]->size() == bytes) {
      present.push_back(index);
      pieces.push_back({{index, 0, bytes}, *fragments[index]});
    }
  }
  if (!code_.make_decoder(present, data))
    return std::nullopt; // before room is made for a size that nothing confirms
  scratch.resize(size);
  if (!assemble(size, 0, pieces, scratch))
    return std::nullopt;
  return std::string_view{scratch};
}

bool striped_codec::assemble(std::size_t size, std::size_t offset,
                             std::span<const spi::piece> pieces, std::span<char> out) const {
  std::vector<row_decoder::wanted_rows> wanted;
  for (std::uint32_t index = 0; index < layout_.data; ++index)
    if (auto rows = rows_of(layout_, index, offset, out.size()); !rows.empty())
      wanted.push_back({index, rows});
  row_decoder decoder{code_, layout_, size, pieces};
  return decoder.make(wanted, [&](std::uint32_t index, std::size_t row) {
    auto at = row / layout_.cell_bytes * layout_.stripe_bytes() + index * layout_.cell_bytes +
              row % layout_.cell_bytes;
    return out.data() + (at - offset);
  });
}

bool striped_codec::rebuild(std::size_t size, const spi::fragment_range& wanted,
                            std::span<const spi::piece> pieces, std::span<char> out) const {
  if (out.size() != wanted.length || wanted.fragment >= layout_.total())
    return false;
  if (out.empty())
    return true;
  row_decoder::wanted_rows rows{wanted.fragment, {wanted.offset, wanted.offset + wanted.length}};
  row_decoder decoder{code_, layout_, size, pieces};
  return decoder.make(std::span{&rows, 1}, [&](std::uint32_t, std::size_t row) {
    return out.data() + (row - wanted.offset);
  });
}

} // namespace atl::coded
