#pragma once

#include "settings/settings.hpp"
#include "temporary_folder.hpp"

#include <atoll/node/node_process.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

template <class T>
T must(atl::result<T> got, const char* what) {
  if (!got)
    throw std::runtime_error(fmt::format("{}: {}", what, got.error().message));
  return std::move(*got);
}

inline double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

struct cluster_plan {
  int masters = 3;
  int storages = 3;
  std::string consensus{}; ///< lines of [consensus]; empty: the default
  std::string durability = "fsync";
  std::uint64_t inline_bytes = 0;
  std::string more{}; ///< further lines of [files], and sections behind it
};

/// A cluster of processes in a folder of its own, stopped with the object.
class running_cluster {
 public:
  explicit running_cluster(const cluster_plan& plan);
  ~running_cluster();
  running_cluster(const running_cluster&) = delete;
  running_cluster& operator=(const running_cluster&) = delete;

  const dfs::cluster_settings& settings() const { return settings_; }
  /// Of its files: `--cluster` for `dfs`.
  const std::filesystem::path& folder() const { return folder_.path(); }
  const atl::node::local_node& node(const std::string& name) const;
  void start(const std::string& node);
  /// Processor time of all nodes so far, in seconds.
  double processor_seconds() const;
  /// Megabytes that each process held at most.
  std::map<std::string, double> peak_memory() const;

 private:
  void write(const std::string& name, const std::string& text);

  temporary_folder folder_;
  dfs::cluster_settings settings_;
  std::vector<atl::node::local_node> nodes_;
};
