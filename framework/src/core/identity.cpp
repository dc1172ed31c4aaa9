#include <atoll/core/identity.hpp>
#include <atoll/core/sync.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>
#include <utility>

namespace atl {

namespace {

constexpr std::size_t identity_bytes_max = 4096;

/// Writes `text` so that after a crash the file is there whole or not at all.
status write_durably(const std::filesystem::path& file, const std::string& text) {
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

result<nlohmann::json> read_identity(const std::filesystem::path& file) {
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

} // namespace

std::string random_uuid() {
  std::uint64_t bits[2] = {};
  if (::getrandom(bits, sizeof(bits), 0) != sizeof(bits))
    std::abort(); // never: 16 bytes come whole once the kernel's pool is seeded
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

result<data_folder> data_folder::take(const std::filesystem::path& folder,
                                      const std::string& cluster, const std::string& node) {
  std::error_code problem;
  auto made = std::filesystem::create_directories(folder, problem);
  if (problem)
    return fail(errc::io,
                fmt::format("making the data folder {}: {}", folder.string(), problem.message()));
  data_folder taken;
  taken.path_ = std::filesystem::canonical(folder, problem);
  if (problem)
    return tl::unexpected{system_error(problem.value(), "finding the folder " + folder.string())};
  if (made)
    if (auto synced = sync_to_disk(taken.path_.parent_path()); !synced)
      return tl::unexpected{synced.error()};
  auto lock_file = taken.path_ / "lock";
  taken.lock_ = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (taken.lock_ < 0)
    return tl::unexpected{system_error(errno, "opening " + lock_file.string())};
  if (::flock(taken.lock_, LOCK_EX | LOCK_NB) != 0)
    return fail(errc::refused, fmt::format("the data folder {} is in use by another process; stop "
                                           "it, or give this node a folder of its own",
                                           taken.path_.string()));
  auto file = taken.path_ / "identity.json";
  if (!std::filesystem::exists(file)) {
    taken.uuid_ = random_uuid();
    nlohmann::json identity{{"cluster", cluster}, {"node", node}, {"uuid", taken.uuid_}};
    if (auto written = write_durably(file, identity.dump(2) + "\n"); !written)
      return tl::unexpected{written.error()};
    return taken;
  }
  auto identity = read_identity(file);
  if (!identity)
    return tl::unexpected{identity.error()};
  for (auto& [key, expected] : {std::pair{"cluster", cluster}, std::pair{"node", node}}) {
    auto found = (*identity)[key].get<std::string>();
    if (found != expected)
      return fail(errc::refused,
                  fmt::format("the data folder {} belongs to {} '{}', not to '{}'; give this node "
                              "a folder of its own, or the right one",
                              taken.path_.string(), key, found, expected));
  }
  taken.uuid_ = (*identity)["uuid"].get<std::string>();
  return taken;
}

data_folder::data_folder(data_folder&& other) noexcept
    : path_{std::move(other.path_)}, uuid_{std::move(other.uuid_)}, lock_{std::exchange(other.lock_,
                                                                                        -1)} {}

data_folder& data_folder::operator=(data_folder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(uuid_, other.uuid_);
  std::swap(lock_, other.lock_);
  return *this;
}

data_folder::~data_folder() {
  if (lock_ >= 0)
    ::close(lock_);
}

} // namespace atl
