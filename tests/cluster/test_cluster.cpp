#include "test_cluster.hpp"

#include "client/control.hpp"

#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {

/// A sanitizer slows everything down several times, above all on a busy machine.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr auto test_timeout = std::chrono::seconds{300};
#else
constexpr auto test_timeout = std::chrono::seconds{180};
#endif

constexpr std::string_view impatient_links = R"(heartbeat = "100ms"
failure_timeout = "1s")";
constexpr std::string_view patient_links = R"(heartbeat = "100ms"
failure_timeout = "4s")";
constexpr std::string_view patient_recovery = R"(first_timeout = "20s"
hedge_after = "20s")";

/// Lines of [client] by which a client waits for nodes that stand still, but for the keys that are
/// set otherwise.
std::string patient_client(const std::string& set) {
  std::string lines;
  for (auto& [key, value] : {std::pair{"timeout", "30s"},
                             {"refusal_timeout", "10s"},
                             {"connect_timeout", "20s"},
                             {"transfer_timeout", "20s"}})
    if (("\n" + set).find(fmt::format("\n{} =", key)) == std::string::npos)
      lines += fmt::format("{} = \"{}\"\n", key, value);
  return lines;
}

/// The number of log lines to print of each node when a test fails.
constexpr std::size_t log_lines_shown = 40;

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t spawn(const std::vector<std::string>& words, const std::string& in, const std::string& out,
            const std::string& err) {
  auto child = ::fork();
  REQUIRE(child >= 0);
  if (child != 0)
    return child;
  std::vector<char*> arguments;
  for (auto& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::dup2(::open(in.c_str(), O_RDONLY), 0);
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644), 1);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644), 2);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

/// Whether an output contains a sanitizer's finding. Always false in a build without sanitizers.
bool has_finding(const std::string& said) {
  return said.find("Sanitizer") != said.npos || said.find(": runtime error: ") != said.npos;
}

std::string last_lines(const std::string& text) {
  auto start = text.size();
  for (std::size_t lines = 0; start > 0 && lines <= log_lines_shown; ++lines)
    start = text.rfind('\n', start - 1) == text.npos ? 0 : text.rfind('\n', start - 1);
  return text.substr(start);
}

} // namespace

outcome run_program(const std::vector<std::string>& words, const std::string& input) {
  temporary_folder folder;
  auto in = (folder / "in").string();
  write_file(in, input);
  auto child = spawn(words, in, (folder / "out").string(), (folder / "err").string());
  outcome result;
  result.code = wait_for(child);
  result.out = read_file(folder / "out");
  result.err = read_file(folder / "err");
  CHECK_MESSAGE(!has_finding(result.err), result.err);
  return result;
}

pid_t start_program(const std::vector<std::string>& words) {
  return spawn(words, "/dev/null", "/dev/null", "/dev/null");
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_code(status);
}

fs::path program(const std::string& name) {
  return fs::path{ATOLL_BIN_FOLDER} / name;
}

void eventually(const std::string& what, const std::function<bool()>& holds) {
  auto give_up = std::chrono::steady_clock::now() + test_timeout;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > give_up)
      FAIL("not within " << test_timeout.count() << " s: " << what);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

std::string read_file(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_file(const fs::path& file, const std::string& bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream out{file, std::ios::binary | std::ios::trunc};
  out << bytes;
}

std::string random_bytes(std::size_t size, std::uint64_t seed) {
  atl::spi::random_source random{seed};
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    auto number = random.next();
    std::memcpy(bytes.data() + i, &number, std::min<std::size_t>(8, size - i));
  }
  return bytes;
}

test_cluster::test_cluster(cluster_shape shape) : network_{shape.network} {
  ::setenv("XDG_CACHE_HOME", cache_folder().c_str(), 1);
  write_configuration(shape);
}

void test_cluster::write_configuration(const cluster_shape& shape) {
  for (auto& [kind, count] : {std::pair{"master", shape.masters}, {"storage", shape.storages}})
    for (int i = 1; i <= count; ++i)
      if (auto& port = ports_[fmt::format("{}-{}", kind, i)]; port == 0)
        port = free_port();
  disks_ = shape.disks;
  auto shared = fmt::format("[cluster]\nname = \"test\"\n\n");
  for (int i = 1; i <= shape.masters; ++i)
    shared += fmt::format("[[masters]]\nid = {0}\nname = \"master-{0}\"\n"
                          "address = \"{1}\"\njoins = {2}\n\n",
                          i, address_of(fmt::format("master-{}", i)),
                          i > shape.masters - shape.joining_masters);
  if (!shape.plugin_path.empty())
    shared += "[plugins]\n" + shape.plugin_path + "\n\n";
  shared += fmt::format("[consensus]\nplugin = \"{}\"\noptions = {{ {} }}\n\n", shape.consensus,
                        shape.consensus_options);
  shared += fmt::format("[placement]\nbalancer = \"{}\"\noptions = {{ {} }}\n\n", shape.placement,
                        shape.placement_options);
  shared += fmt::format("[reads]\nbalancer = \"{}\"\noptions = {{ {} }}\n\n", shape.reads,
                        shape.reads_options);
  auto copies = fmt::format("copies = {}", shape.copies);
  shared += fmt::format("[recovery]\nplugin = \"{}\"\noptions = {{ {} }}\n{}\n\n", shape.recovery,
                        shape.recovery == "replicate" ? copies : shape.recovery_options,
                        shape.is_patient ? patient_recovery : "");
  shared += fmt::format("[links]\n{}\n\n", !shape.links.empty() ? std::string_view{shape.links}
                                           : shape.is_patient   ? patient_links
                                                                : impatient_links);
  shared += "[files]\n" + shape.files + "\n";
  shared += fmt::format("\n[client]\n{}\n{}", shape.client,
                        shape.is_patient ? patient_client(shape.client) : "");
  write_file(folder() / "cluster.toml", shared);
  // Without a secret nodes listen on loopback addresses only.
  if ((network_ || shape.has_secret) &&
      !std::filesystem::exists(folder() / atl::node::secret_file_name)) {
    auto secret = atl::net::cluster_secret::create(folder() / atl::node::secret_file_name);
    REQUIRE_MESSAGE(secret.has_value(), secret.error().message);
  }
  for (auto& [name, port] : ports_) {
    auto is_master = name.starts_with("master");
    auto data = fmt::format("\"data/{}\"", name);
    if (!is_master && shape.disks > 1) {
      data = "[";
      for (int i = 1; i <= shape.disks; ++i)
        data += fmt::format("{}\"{}\"", i > 1 ? ", " : "", disk_of(name, i).string());
      data += "]";
    }
    auto text = fmt::format("include = \"cluster.toml\"\n\n[node]\nname = \"{}\"\n"
                            "roles = [\"{}\"]\ndata = {}\nreserve = \"{}\"\n",
                            name, is_master ? "master" : "storage", data, shape.reserve);
    if (!is_master)
      text += fmt::format("bulk = \"{}\"\n", address_of(name));
    if (network_)
      text += fmt::format("{} = \"{}\"\n", is_master ? "listen" : "bulk_listen",
                          network_->listens_at(name, port));
    if (auto more = shape.node.find(name); more != shape.node.end())
      text += more->second + "\n";
    write_file(config_of(name), text);
  }
}

test_cluster::~test_cluster() {
  if (std::uncaught_exceptions() > 0) { // the test failed: the nodes' logs and views show why
    for (auto& name : names())
      fmt::print(stderr, "the end of the log of {}{}:\n{}\n", name,
                 is_running(name) ? "" : ", which doesn't run", last_lines(log_of(name)));
    fmt::print(stderr, "dfs status of the failed test: {}\n", dfs({"--json", "status"}).out);
  }
  for (auto& name : names())
    if (std::filesystem::exists(folder() / (name + ".log")))
      CHECK_MESSAGE(!has_finding(log_of(name)), log_of(name));
  for (auto& [name, process] : processes_) {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  }
}

std::vector<std::string> test_cluster::names() const {
  std::vector<std::string> names;
  for (auto& [name, port] : ports_)
    names.push_back(name);
  return names;
}

std::string test_cluster::address_of(const std::string& node) const {
  auto port = ports_.at(node);
  return network_ ? network_->address_of(node, port) : fmt::format("127.0.0.1:{}", port);
}

dfs::cluster_settings test_cluster::settings() const {
  auto file = atl::config::load(folder() / "cluster.toml", dfs::cluster_schema());
  REQUIRE(file.has_value());
  auto settings = dfs::read_cluster(*file);
  REQUIRE(settings.has_value());
  return *settings;
}

std::vector<nlohmann::json> test_cluster::masters() {
  if (!control_)
    control_ = std::make_unique<dfs::control>(settings());
  std::vector<nlohmann::json> views;
  for (auto& answer : control_->call_each(dfs::protocol::kind::status)) {
    auto view = answer ? nlohmann::json::parse(*answer, nullptr, false) : nlohmann::json{};
    views.push_back(view.is_object() ? std::move(view) : nlohmann::json{});
  }
  return views;
}

std::string test_cluster::must_lead() {
  std::string leader;
  eventually("a master leads", [&] {
    std::uint64_t newest = 0;
    leader.clear();
    for (auto& view : masters())
      if (view.is_object() && view["seen_by"]["role"] == "leader" &&
          view["seen_by"]["term"] >= newest) {
        newest = view["seen_by"]["term"];
        leader = view["seen_by"]["name"];
      }
    return !leader.empty();
  });
  return leader;
}

std::string test_cluster::must_lead_all() {
  std::string leader;
  eventually("all masters follow one", [&] {
    auto views = masters();
    for (auto& view : views)
      if (!view.is_object() || view["seen_by"]["leader"] == 0 ||
          view["seen_by"]["leader"] != views[0]["seen_by"]["leader"] ||
          view["seen_by"]["term"] != views[0]["seen_by"]["term"])
        return false;
    for (auto& view : views)
      if (view["seen_by"]["role"] == "leader")
        leader = view["seen_by"]["name"];
    return !leader.empty();
  });
  return leader;
}

fs::path test_cluster::config_of(const std::string& node) const {
  return folder() / (node + ".toml");
}
fs::path test_cluster::data_of(const std::string& node) const {
  return folder() / "data" / node;
}

fs::path test_cluster::disk_of(const std::string& node, int disk) const {
  return data_of(node) / fmt::format("disk-{}", disk);
}

fs::path test_cluster::group_data_of(const std::string& master) const {
  std::vector<fs::path> groups;
  for (auto& entry : fs::directory_iterator{data_of(master) / "groups"})
    groups.push_back(entry.path());
  REQUIRE(groups.size() == 1);
  return groups.front();
}
std::string test_cluster::log_of(const std::string& node) const {
  return read_file(folder() / (node + ".log"));
}

void test_cluster::start(const std::string& node, const std::vector<std::string>& more) {
  auto log = (folder() / (node + ".log")).string();
  auto words = network_ ? network_->run_on(node) : std::vector<std::string>{};
  if (auto variables = environments_.find(node); variables != environments_.end()) {
    words.emplace_back("/usr/bin/env");
    words.insert(words.end(), variables->second.begin(), variables->second.end());
  }
  for (auto& word : {program("dfsd").string(), std::string{"--config"}, config_of(node).string()})
    words.push_back(word);
  words.insert(words.end(), more.begin(), more.end());
  if (order_founding_ && node.starts_with("master") && !fs::exists(data_of(node)))
    words.push_back("--found-group");
  log_starts_[node] = log_of(node).size();
  processes_[node] = spawn(words, "/dev/null", log, log);
  if (network_)
    network_->runs(node, processes_[node]);
}

void test_cluster::set_environment(const std::string& node, std::vector<std::string> variables) {
  environments_[node] = std::move(variables);
}

void test_cluster::up() {
  auto since = clock::now();
  for (auto& name : names())
    if (!processes_.contains(name))
      start(name);
  auto storages = names();
  std::erase_if(storages, [](auto& name) { return !name.starts_with("storage"); });
  eventually("all storage nodes are up", [&] {
    for (auto& name : names())
      must_run(name);
    return are_up(storages, since);
  });
  wait_until_writable();
}

/// A node that was killed and started again at once is reported as up all the time; its present
/// process serves once its own log says so.
bool test_cluster::are_up(const std::vector<std::string>& storages, clock::time_point since) {
  for (auto& name : storages)
    if (auto begins = log_starts_.find(name); begins != log_starts_.end()) {
      auto log = log_of(name);
      if (log.find("msg=\"serves\"", std::min(begins->second, log.size())) == log.npos)
        return false;
    }
  auto asked = clock::now();
  auto all = status();
  auto is_up = [&](const std::string& name) {
    return std::ranges::any_of(all["storages"], [&](auto& storage) {
      return storage["name"] == name && storage["health"] == "up" &&
             asked - std::chrono::milliseconds{storage["silent_ms"].template get<int>()} > since;
    });
  };
  return all.is_object() && std::ranges::all_of(storages, is_up);
}

void test_cluster::must_run(const std::string& node) {
  REQUIRE_MESSAGE(is_running(node), node << " ended: " << last_lines(log_of(node)));
}

void test_cluster::wait_for_health(const std::string& node, const std::string& health) {
  auto since = clock::now();
  eventually(node + " is " + health, [&] {
    if (health == "up")
      return are_up({node}, since);
    auto all = status();
    return all.is_object() && std::ranges::any_of(all["storages"], [&](auto& storage) {
             return storage["name"] == node && storage["health"] == health;
           });
  });
}

void test_cluster::wait_until_whole(const std::vector<std::string>& paths) {
  std::vector<std::string> check{"check"};
  check.insert(check.end(), paths.begin(), paths.end());
  outcome last;
  INFO(last.out << last.err);
  eventually("all fragments are there", [&] {
    last = dfs(check);
    return last.code == 0;
  });
}

void test_cluster::wait_until_writable() {
  eventually("the cluster accepts writes", [&] {
    return dfs({"mkdir", "-p", "/writable"}).code == 0 && dfs({"policy", "show", "/"}).code == 0;
  });
}

void test_cluster::kill(const std::string& node, int signal) {
  REQUIRE(processes_.contains(node));
  ::kill(processes_[node], signal);
  if (signal == SIGKILL)
    wait_for_exit(node);
}

int test_cluster::wait_for_exit(const std::string& node) {
  auto process = processes_.at(node);
  processes_.erase(node);
  return wait_for(process);
}

bool test_cluster::is_running(const std::string& node) {
  auto process = processes_.find(node);
  if (process == processes_.end())
    return false;
  siginfo_t ended{};
  // WNOWAIT leaves the child to be waited for.
  auto asked =
      ::waitid(P_PID, static_cast<id_t>(process->second), &ended, WEXITED | WNOHANG | WNOWAIT);
  return asked == 0 && ended.si_pid == 0;
}

outcome test_cluster::dfs(std::vector<std::string> words, const std::string& input) {
  std::vector<std::string> all{program("dfs").string(), "--cluster", folder().string()};
  all.insert(all.end(), words.begin(), words.end());
  return run_program(all, input);
}

nlohmann::json test_cluster::status() {
  auto all = nlohmann::json::parse(dfs({"--json", "status"}).out, nullptr, false);
  return all.is_object() ? all : nlohmann::json{};
}

std::vector<fs::path> test_cluster::chunk_files(const std::string& node) const {
  std::vector<fs::path> data{data_of(node)};
  if (disks_ > 1) {
    data.clear();
    for (int i = 1; i <= disks_; ++i)
      data.push_back(disk_of(node, i));
  }
  std::vector<fs::path> files;
  std::error_code ignored;
  for (auto& of : data)
    for (auto& folder : fs::directory_iterator{of / "chunks", ignored})
      if (folder.is_directory() && folder.path().filename().string().size() == 2)
        for (auto& file : fs::directory_iterator{folder, ignored})
          files.push_back(file.path());
  return files;
}
