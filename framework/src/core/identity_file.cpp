#include "identity_file.hpp"

#include <atoll/core/sync.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>
#include <utility>
#include <vector>

namespace atl {

namespace {

constexpr std::size_t identity_bytes_max = 256 << 10;
/// The folders into which `move_content_aside` moved former data.
constexpr std::string_view put_aside_prefix = "former-";

/// Is it a folder of the node's data? A fresh file system contains `lost+found`.
bool is_data(const std::filesystem::directory_entry& entry) {
  std::error_code problem;
  auto name = entry.path().filename().string();
  return entry.is_directory(problem) && name != "lost+found" && !name.starts_with('.') &&
         !name.starts_with(put_aside_prefix);
}

} // namespace

status write_identity_file(const std::filesystem::path& file, const nlohmann::json& identity) {
  auto text = identity.dump(2) + "\n";
  auto temporary = file.string() + ".tmp";
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0)
    return tl::unexpected{system_error(errno, "making " + temporary)};
  auto written = ::write(fd, text.data(), text.size());
  bool ok = written == static_cast<ssize_t>(text.size()) && ::fdatasync(fd) == 0;
  auto problem = ok ? 0 : (written >= 0 && errno == 0 ? ENOSPC : errno);
  ::close(fd);
  if (!ok)
    return tl::unexpected{system_error(problem, "writing " + temporary)};
  if (::rename(temporary.c_str(), file.c_str()) != 0)
    return tl::unexpected{system_error(errno, "renaming " + temporary)};
  return sync_to_disk(file.parent_path());
}

result<nlohmann::json> read_identity_file(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::string text(identity_bytes_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  auto json = nlohmann::json::parse(text, nullptr, false);
  for (auto* key : {"cluster", "node", "uuid"})
    if (!json.is_object() || !json.contains(key) || !json[key].is_string())
      return fail(errc::corrupt,
                  fmt::format("{} is damaged, so it can't be told whose data the folder holds; "
                              "restore it, or give the node an empty data folder",
                              file.string()));
  return json;
}

status check_owner(nlohmann::json& identity, const data_owner& owner,
                   const std::filesystem::path& folder) {
  if (!identity.contains("application") || !identity["application"].is_string())
    identity["application"] = owner.application;
  for (auto& [key, expected] :
       {std::pair{"application", owner.application}, std::pair{"cluster", owner.cluster},
        std::pair{"node", owner.node}}) {
    auto found = identity[key].get<std::string>();
    if (found != expected)
      return fail(errc::refused,
                  fmt::format("the data folder {} belongs to {} '{}', not to '{}'; give this node "
                              "a folder of its own, or the right one",
                              folder.string(), key, found, expected));
  }
  return {};
}

status check_no_data(const std::filesystem::path& folder) {
  std::error_code problem;
  for (auto& entry : std::filesystem::directory_iterator{folder, problem})
    if (is_data(entry))
      return fail(errc::refused,
                  fmt::format("the data folder {} holds data ({}) but no {}, so it can't be told "
                              "whose data it is; restore that file, or give the node an empty "
                              "data folder",
                              folder.string(), entry.path().filename().string(),
                              identity_file_name));
  return {};
}

status move_content_aside(const std::filesystem::path& folder, const std::string& uuid) {
  auto former = folder / fmt::format("{}{}", put_aside_prefix, uuid);
  std::error_code problem;
  std::filesystem::create_directories(former, problem);
  std::vector<std::filesystem::path> moved;
  for (auto& entry : std::filesystem::directory_iterator{folder, problem})
    if (is_data(entry))
      moved.push_back(entry.path());
  moved.push_back(folder / identity_file_name);
  for (auto& from : moved)
    if (!problem)
      std::filesystem::rename(from, former / from.filename(), problem);
  if (problem)
    return fail(errc::io, fmt::format("moving what {} holds to {}: {}", folder.string(),
                                      former.string(), problem.message()));
  return {};
}

std::string group_in(const nlohmann::json& identity) {
  auto group = identity.find("group");
  return group != identity.end() && group->is_string() ? group->get<std::string>() : std::string{};
}

std::set<std::string> parts_in(const nlohmann::json& identity) {
  std::set<std::string> parts;
  auto list = identity.find("parts");
  if (list != identity.end() && list->is_array())
    for (auto& part : *list)
      if (part.is_string())
        parts.insert(part.get<std::string>());
  return parts;
}

} // namespace atl
