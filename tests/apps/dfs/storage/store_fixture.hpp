#pragma once

#include "storage/chunk_store.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::test {

/// Bytes that look random and are the same in every run.
inline std::string pattern(std::size_t size, std::uint64_t seed = 1) {
  std::mt19937_64 next{seed};
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    auto word = next();
    for (std::size_t j = i; j < std::min(size, i + 8); ++j, word >>= 8)
      out[j] = static_cast<char>(word);
  }
  return out;
}

inline fragment_key key_of(std::uint64_t number, std::uint32_t fragment = 0) {
  return {{1'700'000'000'000'000 + number, number * 0x9e3779b97f4a7c15}, fragment};
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

inline std::vector<std::uint32_t> crcs_of(std::string_view data) {
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < data.size(); i += block_size)
    out.push_back(block_crc(bytes_of(data.substr(i, block_size))));
  return out;
}

inline atl::status put(fragment_store& store, const fragment_key& key, std::string_view data,
                       durability how = durability::fsync) {
  auto writer = store.begin(key, data.size());
  if (!writer)
    return tl::unexpected{writer.error()};
  if (auto done = writer->append(bytes_of(data), crcs_of(data)); !done)
    return done;
  return writer->commit(how);
}

/// The complete, verified fragment, or the error's name.
inline std::string get(chunk_store& store, const fragment_key& key) {
  if (auto done = store.verify(key); !done)
    return std::string{to_string(done.error().code)};
  auto opened = store.open(key);
  if (!opened)
    return std::string{to_string(opened.error().code)};
  std::string out(opened->size, '\0');
  auto got = read_fully(real_disk(), opened->file.fd(), out.data(), out.size(), 0);
  REQUIRE(got == static_cast<ssize_t>(out.size()));
  return out;
}

/// A store in a folder of its own, that can be closed and opened again.
struct store_fixture {
  temporary_folder home;
  std::unique_ptr<chunk_store> store;

  explicit store_fixture(disk& on = real_disk()) { start(on); }

  std::string folder() const { return (home.path() / "chunks").string(); }

  void start(disk& on = real_disk(), std::uint64_t reserve_bytes = 0) {
    auto opened = chunk_store::open({folder(), reserve_bytes}, on);
    REQUIRE_MESSAGE(opened, opened.error().message);
    store = std::move(*opened);
  }
  void restart(disk& on = real_disk()) {
    store.reset();
    start(on);
  }

  std::string path_of(const fragment_key& key) const {
    return folder() + "/" + to_string(key.chunk).substr(16, 2) + "/" + to_string(key);
  }
  std::size_t files_in(std::string_view name) const {
    auto files = std::filesystem::directory_iterator{folder() + "/" + std::string{name}};
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }
  /// Turns over one bit of a fragment's file; an offset below 0 counts from its end.
  void flip_bit(const fragment_key& key, std::int64_t offset) const {
    std::fstream file{path_of(key), std::ios::in | std::ios::out | std::ios::binary};
    auto from = offset < 0 ? std::ios::end : std::ios::beg;
    file.seekg(offset, from);
    auto byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(offset, from);
    file.put(byte);
    REQUIRE(file.good());
  }
};

} // namespace dfs::test
