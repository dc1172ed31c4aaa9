#include "contains.hpp"
#include "test_cluster.hpp"

#include <atoll/node/process_table.hpp>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <signal.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

void replace(const fs::path& file, const std::string& what, const std::string& with) {
  auto text = read_file(file);
  auto at = text.find(what);
  REQUIRE(at != text.npos);
  write_file(file, text.replace(at, what.size(), with));
}

/// A configs folder that `dfs init` wrote; the destructor stops its running nodes.
class configs_folder {
 public:
  explicit configs_folder(std::vector<std::string> options = {}) {
    options.insert(options.begin(), {program("dfs").string(), "init", path().string()});
    auto written = run_program(options);
    REQUIRE_MESSAGE(written.code == 0, written.err);
  }
  ~configs_folder() {
    for (auto& it : atl::node::processes_of(path()))
      ::kill(it.pid, SIGKILL);
    eventually("no node runs any more", [&] { return nodes().empty(); });
  }

  fs::path path() const { return work_ / "cluster"; }
  std::vector<atl::node::configured_process> nodes() const {
    return atl::node::processes_of(path());
  }
  pid_t process_of(const std::string& node) const {
    for (auto& it : nodes())
      if (it.config.stem() == node)
        return it.pid;
    FAIL("no process runs " << node);
    return 0;
  }

  std::vector<std::string> up_command() const {
    return {program("dfs").string(), "up", path().string()};
  }
  outcome up() const { return run_program(up_command()); }
  outcome down() const { return run_program({program("dfs").string(), "down", path().string()}); }
  outcome dfs(std::vector<std::string> words) const {
    words.insert(words.begin(), {program("dfs").string(), "--cluster", path().string()});
    return run_program(words);
  }

 private:
  temporary_folder work_;
};

const std::vector<std::string> smallest{"--storages", "1"};

/// Occupies a port.
class taken_port {
 public:
  explicit taken_port(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(socket_, 1) == 0);
  }
  taken_port(const taken_port&) = delete;
  taken_port& operator=(const taken_port&) = delete;
  ~taken_port() { ::close(socket_); }

 private:
  int socket_;
};

/// The port after `key = "127.0.0.1:` in a file.
std::uint16_t port_in(const fs::path& file, const std::string& key) {
  auto text = read_file(file);
  auto start = key + " = \"127.0.0.1:";
  auto at = text.find(start);
  REQUIRE(at != text.npos);
  return static_cast<std::uint16_t>(std::stoi(text.substr(at + start.size())));
}

} // namespace

TEST_CASE("'dfs up' of a folder in which two files have the same node name names them, and "
          "starts nothing") {
  configs_folder folder{smallest};
  fs::copy(folder.path() / "storage-1.toml", folder.path() / "storage-2.toml");
  replace(folder.path() / "storage-2.toml", "data/storage-1", "data/storage-2");
  auto port = port_in(folder.path() / "storage-2.toml", "bulk");
  replace(folder.path() / "storage-2.toml", std::to_string(port), std::to_string(free_port()));
  auto up = folder.up();
  CHECK(up.code == 2);
  CHECK_MESSAGE(contains(up.err, "storage-1.toml"), up.err);
  CHECK_MESSAGE(contains(up.err, "storage-2.toml"), up.err);
  CHECK(folder.nodes().empty());
  CHECK_FALSE(fs::exists(folder.path() / "run"));
}

TEST_CASE("two concurrent 'dfs up' start each node once, and 'dfs down' stops all nodes") {
  configs_folder folder{smallest};
  for (int round = 0; round < 3; ++round) {
    auto first = start_program(folder.up_command());
    auto second = start_program(folder.up_command());
    CHECK(wait_for(first) == 0);
    CHECK(wait_for(second) == 0);
    CHECK(folder.nodes().size() == 2);
    CHECK(folder.down().code == 0);
    CHECK(folder.nodes().empty());
  }
}

TEST_CASE("'dfs up' right after nodes were killed starts them again") {
  configs_folder folder{smallest};
  REQUIRE(folder.up().code == 0);
  for (int round = 0; round < 20; ++round) {
    for (auto& node : folder.nodes())
      ::kill(node.pid, SIGKILL);
    auto up = folder.up();
    CHECK_MESSAGE(up.code == 0, up.err);
    CHECK(folder.nodes().size() == 2);
  }
  CHECK(folder.down().code == 0);
}

TEST_CASE("after 'dfs up' is killed, 'dfs down' stops all nodes, and no lock is left") {
  configs_folder folder{smallest};
  for (std::size_t seen = 0; seen <= 2; ++seen) {
    CAPTURE(seen);
    auto up = start_program(folder.up_command());
    eventually("so many nodes run", [&] { return folder.nodes().size() >= seen; });
    ::kill(up, SIGKILL);
    wait_for(up);
    auto down = folder.down();
    CHECK_MESSAGE(down.code == 0, down.err);
    CHECK(folder.nodes().empty());
  }
  auto again = folder.up();
  CHECK_MESSAGE(again.code == 0, again.err);
}

TEST_CASE("'dfs down' stops a node whose pid file is gone, or whose file was broken or removed") {
  configs_folder folder{{"--storages", "3"}};
  REQUIRE(folder.up().code == 0);
  fs::remove(folder.path() / "run/storage-1.pid");
  write_file(folder.path() / "storage-2.toml", "[node]\nname = [");
  fs::remove(folder.path() / "storage-3.toml");
  auto down = folder.down();
  CHECK_MESSAGE(down.code == 0, down.err);
  CHECK_MESSAGE(count_of(down.out, " stopped\n") == 4, down.out);
  CHECK(folder.nodes().empty());
}

TEST_CASE("'dfs up' reports what changed in the configuration of a running node since its start") {
  configs_folder folder{smallest};
  REQUIRE(folder.up().code == 0);
  auto unchanged = folder.up();
  CHECK(unchanged.code == 0);
  CHECK_MESSAGE(unchanged.err.empty(), unchanged.err);
  auto changed = std::string{};
  SUBCASE("in its file") {
    write_file(folder.path() / "storage-1.toml",
               read_file(folder.path() / "storage-1.toml") + "weight = 2.5\n");
    changed = "storage-1: its configuration has changed since it was started (node.weight was not "
              "set and is 2.5)";
  }
  SUBCASE("in a file that it includes") {
    write_file(folder.path() / "cluster.toml",
               read_file(folder.path() / "cluster.toml") + "[files]\ngrace = \"2h\"\n");
    changed = "master-1: its configuration has changed since it was started (files.grace was not "
              "set and is \"2h\")";
  }
  auto again = folder.up();
  CHECK(again.code == 0);
  CHECK_MESSAGE(contains(again.err, changed), again.err);
  CHECK_MESSAGE(contains(again.err, "dfs down " + folder.path().string()), again.err);
  REQUIRE(folder.down().code == 0);
  CHECK(folder.up().err.empty());
}

TEST_CASE("a failed 'dfs up' reports how a node ended, which nodes still run, and how to stop "
          "them") {
  configs_folder folder{{"--storages", "2"}};
  taken_port taken{port_in(folder.path() / "storage-2.toml", "bulk")};
  auto up = folder.up();
  CHECK(up.code == 1);
  CHECK_MESSAGE(contains(up.err, "node storage-2 (process "), up.err);
  CHECK_MESSAGE(contains(up.err, "ended with exit code 1"), up.err);
  CHECK_MESSAGE(contains(up.err, "in use"), up.err); // the end of its log
  CHECK_MESSAGE(contains(up.err, "still running: master-1 (process "), up.err);
  CHECK_MESSAGE(contains(up.err, "'dfs down " + folder.path().string() + "' stops them"), up.err);
  CHECK(folder.nodes().size() == 2);
  auto down = folder.down();
  CHECK(down.code == 0);
  CHECK_MESSAGE(contains(down.out, "storage-2 wasn't running"), down.out);
}

TEST_CASE("'dfs up' makes the secret of a folder that has none, unless a node runs without it") {
  configs_folder folder{smallest};
  auto secret = folder.path() / "cluster.secret";
  auto log = folder.path() / "run/master-1.log";
  REQUIRE(fs::remove(secret));
  REQUIRE(folder.up().code == 0);
  auto made = read_file(secret);
  CHECK(made.size() == 65);
  CHECK_MESSAGE(contains(read_file(log), "uses the secret " + secret.string()), read_file(log));
  REQUIRE(folder.down().code == 0);
  REQUIRE(folder.up().code == 0);
  CHECK(read_file(secret) == made);
  REQUIRE(folder.down().code == 0);
  REQUIRE(fs::remove(secret));
  auto master = start_program(
      {program("dfsd").string(), "--config", (folder.path() / "master-1.toml").string()});
  eventually("the master runs", [&] { return folder.nodes().size() == 1; });
  auto up = folder.up();
  CHECK_MESSAGE(up.code == 0, up.err);
  CHECK_MESSAGE(up.err.empty(), up.err);
  CHECK_FALSE(fs::exists(secret));
  auto other = folder.path() / "run/storage-1.log";
  CHECK_MESSAGE(contains(read_file(other), "has no secret"), read_file(other));
  CHECK(folder.down().code == 0);
  wait_for(master);
}

TEST_CASE("'dfs up' reports the signal that ended a node without a message") {
  configs_folder folder{smallest};
  // 'dfs' starts the 'dfsd' in its folder: here one that crashes as a loaded library might.
  temporary_folder programs;
  fs::copy_file(program("dfs"), programs / "dfs");
  write_file(programs / "dfsd", "#!/bin/sh\nkill -SEGV $$\n");
  fs::permissions(programs / "dfsd", fs::perms::owner_all);
  auto up = run_program({(programs / "dfs").string(), "up", folder.path().string()});
  CHECK(up.code == 1);
  CHECK_MESSAGE(contains(up.err, "was ended by signal 11"), up.err);
  CHECK_MESSAGE(contains(up.err, "wrote nothing to"), up.err);
  CHECK_MESSAGE(contains(up.err, "--check"), up.err);
}

TEST_CASE("'dfs up' of a folder that this user can't write to advises to copy the folder") {
  configs_folder folder{smallest};
  fs::remove(folder.path() / "cluster.secret"); // only its owner may read it
  auto readable = fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                  fs::perms::others_exec;
  fs::permissions(folder.path().parent_path(), readable | fs::perms::owner_write);
  fs::permissions(folder.path(), readable);
  auto words = folder.up_command();
  if (::geteuid() == 0) // root may write everywhere: run as another user
    words.insert(words.begin(),
                 {"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
  auto up = run_program(words);
  fs::permissions(folder.path(), fs::perms::owner_all);
  CHECK(up.code == 1);
  CHECK_MESSAGE(contains(up.err, "copy that to where you may write"), up.err);
  CHECK(folder.nodes().empty());
}

TEST_CASE("'dfs init' writes a cluster that passes the check, starts, and stores files") {
  configs_folder folder{{"--masters", "3", "--storages", "2", "--copies", "2", "--name", "reef"}};
  auto secret = folder.path() / "cluster.secret";
  CHECK(fs::status(secret).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  auto files = 0;
  for (auto& entry : fs::directory_iterator{folder.path()}) {
    if (entry.path().stem() == "cluster") // not a node's
      continue;
    auto checked =
        run_program({program("dfsd").string(), "--config", entry.path().string(), "--check"});
    CHECK_MESSAGE(checked.code == 0, checked.err);
    CHECK_MESSAGE(contains(checked.out, "\"reef\""), checked.out);
    CHECK_MESSAGE(contains(checked.out, "# consensus: raft"), checked.out);
    CHECK_MESSAGE(contains(checked.out, "# secret: " + secret.string()), checked.out);
    CHECK(!contains(checked.out, read_file(secret).substr(0, 64)));
    ++files;
  }
  CHECK(files == 5);
  auto up = folder.up();
  REQUIRE_MESSAGE(up.code == 0, up.err);
  CHECK_MESSAGE(contains(up.out, "export DFS_CLUSTER=" + folder.path().string()), up.out);
  CHECK(folder.dfs({"put", program("dfs").string(), "/dfs"}).code == 0);
  CHECK(folder.down().code == 0);
}

TEST_CASE("'dfs init' derives what is not given from the numbers of masters and storage nodes") {
  temporary_folder work;
  auto init = [&](const std::string& name, std::vector<std::string> options) {
    options.insert(options.begin(), {program("dfs").string(), "init", (work / name).string()});
    auto written = run_program(options);
    REQUIRE_MESSAGE(written.code == 0, written.err);
    return written.out;
  };
  auto cluster = [&](const std::string& name) { return read_file(work / name / "cluster.toml"); };
  auto one = init("one", {});
  CHECK(contains(cluster("one"), "\"two_phase_commit\""));
  CHECK(contains(cluster("one"), "copies = 3"));
  CHECK(contains(cluster("one"), "name = \"one\""));
  CHECK_MESSAGE(contains(one, "dfs up " + (work / "one").string()), one);
  CHECK_MESSAGE(!contains(one, "note:"), one);
  auto even = init("even", {"--masters", "4", "--storages", "2"});
  CHECK(contains(cluster("even"), "\"raft\""));
  CHECK(contains(cluster("even"), "copies = 2"));
  CHECK_MESSAGE(contains(even, "an odd number is better"), even);
}

TEST_CASE("'dfs init' refuses numbers that make no valid cluster, and writes no file") {
  temporary_folder work;
  auto refused = [&](std::vector<std::string> options, const std::string& why) {
    options.insert(options.begin(), {program("dfs").string(), "init", (work / "new").string()});
    auto tried = run_program(options);
    CAPTURE(why);
    CHECK(tried.code == 2);
    CHECK_MESSAGE(contains(tried.err, why), tried.err);
    CHECK_FALSE(fs::exists(work / "new"));
  };
  refused({"--masters", "0"}, "--masters");
  refused({"--masters", "10"}, "--masters");
  refused({"--storages", "0"}, "--storages");
  refused({"--copies", "4"}, "--copies");
  refused({"--storages", "40", "--copies", "40"}, "'copies'"); // beyond the limit of the scheme
  refused({"--consensus", "rfat"}, "did you mean 'raft'?");
  refused({"--name", "a b"}, "cluster.name");
  write_file(work / "new" / "mine", "mine");
  auto tried = run_program({program("dfs").string(), "init", (work / "new").string()});
  CHECK(tried.code == 4);
  CHECK_MESSAGE(contains(tried.err, "isn't empty"), tried.err);
  CHECK(read_file(work / "new" / "mine") == "mine");
  CHECK_FALSE(fs::exists(work / "new" / "cluster.toml"));
}

TEST_CASE("a client that can connect to no master fails before its timeout with a clear message") {
  configs_folder folder{{"--masters", "3", "--storages", "1"}};
  write_file(folder.path() / "cluster.toml",
             read_file(folder.path() / "cluster.toml") +
                 "[client]\ntimeout = \"20m\"\nrefusal_timeout = \"100ms\"\n");
  for (auto& words : std::vector<std::vector<std::string>>{
           {"ls", "/"}, {"mkdir", "/d"}, {"put", program("dfs").string(), "/f"}, {"status"}}) {
    auto tried = folder.dfs(words);
    CHECK(tried.code == 5);
    CHECK_MESSAGE(count_of(tried.err, "127.0.0.1:") == 3, tried.err);
    CHECK_MESSAGE(contains(tried.err, "no master answers"), tried.err);
    CHECK_MESSAGE(contains(tried.err, "connection refused"), tried.err);
    CHECK_MESSAGE(contains(tried.err, "'dfs up FOLDER'"), tried.err);
    CHECK_MESSAGE(!contains(tried.err, "cannot_connect"), tried.err);
  }
}

TEST_CASE("without a majority of masters a client names those that don't answer") {
  configs_folder folder{{"--masters", "3", "--storages", "1"}};
  write_file(folder.path() / "cluster.toml",
             read_file(folder.path() / "cluster.toml") + "[client]\ntimeout = \"1s\"\n");
  REQUIRE(folder.up().code == 0);
  for (auto* node : {"master-1", "master-3"})
    ::kill(folder.process_of(node), SIGKILL);
  outcome tried;
  eventually("the remaining master no longer leads", [&] {
    tried = folder.dfs({"mkdir", "/d"});
    REQUIRE(tried.code == 5);
    return contains(tried.err, "2 of 3 masters don't answer, so a majority is missing");
  });
  CHECK_MESSAGE(contains(tried.err, "master-1 at 127.0.0.1:"), tried.err);
  CHECK_MESSAGE(contains(tried.err, "master-3 at 127.0.0.1:"), tried.err);
  CHECK_MESSAGE(contains(tried.err, "no leader is elected"), tried.err);
}

TEST_CASE("a master that is not running is not made a member") {
  cluster_shape shape;
  shape.consensus = "raft";
  shape.masters = 2;
  shape.joining_masters = 1;
  shape.storages = 1;
  shape.copies = 1;
  test_cluster cluster{shape};
  cluster.start("master-1");
  cluster.start("storage-1");
  cluster.wait_until_writable();
  auto added = cluster.dfs({"admin", "master", "add", "master-2"});
  CHECK(added.code == 5);
  CHECK_MESSAGE(contains(added.err, fmt::format("127.0.0.1:{}", cluster.port_of("master-2"))),
                added.err);
  CHECK_MESSAGE(contains(added.err, "start its node"), added.err);
  CHECK_MESSAGE(contains(added.err, "nothing was changed"), added.err);
  auto list = cluster.dfs({"admin", "master", "list"}).out;
  CHECK_MESSAGE(contains(list, "no member"), list);
  cluster.start("master-2");
  eventually("the new master answers", [&] { return cluster.masters().at(1).is_object(); });
  added = cluster.dfs({"admin", "master", "add", "master-2"});
  CHECK_MESSAGE(added.code == 0, added.err);
}
