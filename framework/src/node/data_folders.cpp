#include <atoll/node/data_folders.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace atl::node {

namespace {

namespace fs = std::filesystem;

/// Why a folder can't hold a node's data; none when it can.
std::optional<std::string> data_refusal(const fs::path& data) {
  auto refused = [&](std::string_view why) { return fmt::format("{} {}", data.string(), why); };
  if (data == data.root_path())
    return refused("is the root of all folders; give the node a folder of its own");
  std::error_code unknown;
  if (fs::exists(data, unknown) && !fs::is_directory(data, unknown))
    return refused("is no folder; give the node a folder of its own");
  return std::nullopt;
}

bool contains(const fs::path& outer, const fs::path& inner) {
  auto [end, unused] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end();
}

} // namespace

/// Without a slash at the end, so that the same folder is the same text.
std::vector<fs::path> data_folders(const config& config) {
  auto folders = config.paths("node.data");
  for (auto& folder : folders)
    if (!folder.has_filename() && folder != folder.root_path())
      folder = folder.parent_path();
  return folders;
}

void check_data_folders(const config& config, config_errors& problems) {
  auto folders = data_folders(config);
  if (folders.empty())
    problems.add("node.data", "names no folder: give the node one, or one on each disk");
  if (folders.size() > data_folders_max)
    problems.add("node.data", fmt::format("names {} folders, and a node has at most {} disks",
                                          folders.size(), data_folders_max));
  for (std::size_t i = 0; i < folders.size(); ++i) {
    if (auto refusal = data_refusal(folders[i]))
      problems.add("node.data", *refusal);
    for (std::size_t k = 0; k < folders.size(); ++k)
      if (i != k && contains(folders[i], folders[k]) && (i < k || folders[i] != folders[k]))
        problems.add("node.data",
                     fmt::format("names {} and {}: each disk needs a folder of its own",
                                 folders[i].string(), folders[k].string()));
  }
}

void refuse_several_folders(const config& config, std::string_view role, config_errors& problems) {
  if (auto folders = data_folders(config); folders.size() > 1)
    problems.add("node.data",
                 fmt::format("names {} folders, and the role '{}' keeps its data in one: write "
                             "data = \"{}\"",
                             folders.size(), role, folders.front().string()));
}

} // namespace atl::node
