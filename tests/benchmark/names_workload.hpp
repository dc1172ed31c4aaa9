#pragma once

#include "namespace/command.hpp"
#include "namespace/name_space.hpp"

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// The commands that `bench_names` applies: all that it knows of the name space.
namespace names_workload {

/// Directories are small, so that commands on random files use many of them.
inline constexpr std::uint64_t files_per_directory = 10;
inline constexpr std::uint64_t sessions = 64;
inline constexpr dfs::policy_id policy_id = 1;
inline constexpr std::uint64_t extent_bytes = 256;

std::unique_ptr<dfs::name_space> open(const std::filesystem::path& folder, std::size_t cache_bytes);

/// The log of a name space: entries one after the other.
class log {
 public:
  /// The storage nodes that chunks are on, and `files` files of one chunk with three copies.
  /// Their directories are made as they are needed.
  atl::spi::committed_entry register_storage(int number);
  /// The policy of all files; these two come before the first file.
  atl::spi::committed_entry define_policy();
  atl::spi::committed_entry set_policy();
  atl::spi::committed_entry make_directory(std::uint64_t number);
  atl::spi::committed_entry put_file(std::uint64_t number);

  /// An empty file.
  atl::spi::committed_entry make_file(std::string path);
  /// Writes the extents with these numbers into a file; between two neighbours there is a hole, and
  /// all are parts of one chunk.
  atl::spi::committed_entry write_extents(std::string path, std::uint64_t begin, std::uint64_t end);

  /// Of `files` files: a new one in a random directory.
  atl::spi::committed_entry create_anywhere(std::uint64_t files);
  /// Of `files` files: a random one gets other content.
  atl::spi::committed_entry replace_any(std::uint64_t files);
  /// Of `files` files: a random one is removed; it may be gone already.
  atl::spi::committed_entry remove_any(std::uint64_t files);

 private:
  atl::spi::committed_entry entry(dfs::action action);
  dfs::commands::make put(std::string path);

  std::uint64_t index_ = 0;
  std::uint64_t created_ = 0;
  atl::spi::random_source random_{1};
};

} // namespace names_workload
