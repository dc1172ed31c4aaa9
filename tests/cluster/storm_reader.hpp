#pragma once

#include "settings/settings.hpp"
#include "storm_files.hpp"

#include <cstddef>
#include <memory>
#include <string>

class test_cluster;

namespace dfs {
class file_client;
}

/// Compares what clients have stored with what they were told, when all is over. The cluster has
/// chunks of `chunk_bytes`, and files up to `inline_bytes` in the name space.
class storm_reader {
 public:
  static constexpr std::size_t chunk_bytes = 64 << 10;
  static constexpr std::size_t inline_bytes = 1 << 10;

  explicit storm_reader(test_cluster& cluster);
  ~storm_reader();

  /// Fails the test for each name that is not as it must be.
  void check_files(const storm_files& files);
  /// Of the files that were found.
  std::size_t chunks() const { return chunks_; }

 private:
  /// Counts the file's chunks. @returns whether the name has the content
  bool has(const std::string& path, storm_content wanted);

  dfs::cluster_settings settings_;
  std::unique_ptr<dfs::file_client> client_;
  std::size_t chunks_ = 0;
};
