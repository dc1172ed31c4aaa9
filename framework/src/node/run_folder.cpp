#include <atoll/node/run_folder.hpp>

#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>

namespace atl::node {

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds{20};

tl::unexpected<error> not_writable(const fs::path& folder, int error_number) {
  auto problem = system_error(error_number, (folder / "run").string());
  if (error_number != EACCES && error_number != EPERM && error_number != EROFS)
    return tl::unexpected{problem};
  return fail(errc::refused,
              fmt::format("{}: the nodes' logs and data are written to the folder of their files; "
                          "copy that to where you may write",
                          problem.message));
}

fs::path started_file(const local_node& node) {
  auto file = node.pid_file;
  return file.replace_extension(".started");
}

/// Written to another file and renamed, so that no reader sees a part of it.
status write_file(const fs::path& file, const std::string& text) {
  auto beside = file;
  beside += ".new";
  std::ofstream out{beside, std::ios::trunc};
  out << text;
  out.close();
  if (!out)
    return fail(errc::io, "can't write " + beside.string());
  std::error_code problem;
  fs::rename(beside, file, problem);
  if (problem)
    return fail(errc::io, fmt::format("can't write {}: {}", file.string(), problem.message()));
  return {};
}

std::optional<pid_t> read_pid(std::istream& in) {
  std::string line;
  pid_t pid = 0;
  if (std::getline(in, line))
    std::from_chars(line.data(), line.data() + line.size(), pid);
  return pid > 0 ? std::optional{pid} : std::nullopt;
}

} // namespace

result<run_lock> run_lock::take(const fs::path& folder, const std::string& program,
                                std::chrono::seconds timeout,
                                const std::function<void()>& on_wait) {
  std::error_code problem;
  fs::create_directories(folder / "run", problem);
  if (problem)
    return not_writable(folder, problem.value());
  auto file = folder / "run" / "lock";
  run_lock lock{::open(file.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644)};
  if (lock.file_ < 0)
    return not_writable(folder, errno);
  auto give_up = clock::now() + timeout;
  for (auto told = false; ::flock(lock.file_, LOCK_EX | LOCK_NB) != 0; told = true) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return tl::unexpected{system_error(errno, "locking " + file.string())};
    if (!told)
      on_wait();
    if (clock::now() >= give_up)
      return fail(
          errc::busy,
          fmt::format("another '{0} up' or '{0} down' has been at work on {1} for {2} s and has "
                      "{3} locked; try again when it is done",
                      program, folder.string(), timeout.count(), file.string()));
    std::this_thread::sleep_for(poll_interval);
  }
  return lock;
}

run_lock::~run_lock() {
  if (file_ >= 0)
    ::close(file_);
}

std::optional<pid_t> noted_process(const local_node& node) {
  std::ifstream in{node.pid_file};
  return read_pid(in);
}

status note_process(const local_node& node, pid_t process) {
  auto started = fmt::format("{}\n", process);
  for (auto& it : node.configuration)
    started += fmt::format("{} = {}\n", it.key, it.value);
  if (auto noted = write_file(started_file(node), started); !noted)
    return noted;
  return write_file(node.pid_file, fmt::format("{}\n", process));
}

void forget_process(const local_node& node) {
  std::error_code ignored;
  fs::remove(node.pid_file, ignored);
  fs::remove(started_file(node), ignored);
}

std::optional<std::vector<written_key>> started_configuration(const local_node& node,
                                                              pid_t process) {
  std::ifstream in{started_file(node)};
  if (read_pid(in) != process)
    return std::nullopt;
  std::vector<written_key> keys;
  for (std::string line; std::getline(in, line);)
    if (auto middle = line.find(" = "); middle != line.npos)
      keys.push_back({line.substr(0, middle), line.substr(middle + 3)});
  return keys;
}

} // namespace atl::node
