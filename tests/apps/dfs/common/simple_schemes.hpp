#pragma once

#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Recovery schemes for tests of what stores and reads by them.
namespace dfs::test {

/// `data` equal parts and their XOR; any `data` of them are enough.
struct parity : atl::spi::recovery {
  explicit parity(std::uint32_t parts) : data{parts} {}

  atl::spi::fragment_layout layout() const override { return {data + 1, data, data + 1, false}; }
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
  atl::spi::verdict judge(const atl::spi::chunk_report&) const override { return {}; }
  std::vector<atl::spi::repair_step> plan(std::span<const atl::spi::chunk_report>) const override {
    return {};
  }

  std::uint32_t data;
  std::function<bool(std::uint32_t, std::span<const std::optional<std::string_view>>)> mistake =
      [](auto, auto) { return false; };
};

/// Each fragment is the chunk.
struct copies : atl::spi::recovery {
  atl::spi::fragment_layout layout() const override { return {3, 1, 1, true}; }
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
  atl::spi::verdict judge(const atl::spi::chunk_report&) const override { return {}; }
  std::vector<atl::spi::repair_step> plan(std::span<const atl::spi::chunk_report>) const override {
    return {};
  }
};

} // namespace dfs::test
