#include "test_cluster.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <signal.h>
#include <sstream>
#include <thread>
#include <unistd.h>

/// More clients and connections than a node can serve: the node refuses some, and keeps working.
namespace {

/// Lowers the limit of open files for the programs started meanwhile.
class few_files {
 public:
  explicit few_files(rlim_t files) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    auto limit = before_;
    limit.rlim_cur = files;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  }
  ~few_files() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// A shell that lowers both limits permanently, and then executes the program.
std::vector<std::string> with_few_files(int files, const test_cluster& cluster,
                                        const std::string& node) {
  return {"/bin/sh", "-c",
          fmt::format("ulimit -n {}; exec {} --config {} >>{} 2>&1", files,
                      program("dfsd").string(), cluster.config_of(node).string(),
                      (cluster.folder() / (node + ".log")).string())};
}

/// Connections that send nothing.
class silent_connections {
 public:
  silent_connections(std::uint16_t port, int count) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; ++i) {
      int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0)
        all_.push_back(fd);
      else
        ::close(fd);
    }
  }
  ~silent_connections() {
    for (auto fd : all_)
      ::close(fd);
  }
  /// The connections that the node has closed.
  std::size_t closed() const {
    std::size_t count = 0;
    for (auto fd : all_) {
      pollfd it{fd, POLLRDHUP, 0};
      count += ::poll(&it, 1, 0) > 0 ? 1 : 0;
    }
    return count;
  }

 private:
  std::vector<int> all_;
};

/// The CPU time of a process, in clock ticks.
std::uint64_t ticks_of(pid_t process) {
  std::istringstream stat{read_file(fmt::format("/proc/{}/stat", process))};
  std::string word;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  for (int i = 0; i < 13; ++i)
    stat >> word;
  stat >> user >> system;
  return user + system;
}

struct node_process {
  pid_t id = 0;
  ~node_process() {
    ::kill(id, SIGKILL);
    wait_for(id);
  }
};

} // namespace

TEST_CASE("a node with a low limit of open files survives 300 silent connections without using "
          "CPU time") {
  for (int limit : {1024, 128}) {
    CAPTURE(limit);
    cluster_shape shape;
    shape.storages = shape.copies = 1;
    test_cluster cluster{shape};
    node_process master{start_program(with_few_files(limit, cluster, "master-1"))};
    node_process storage{start_program(with_few_files(limit, cluster, "storage-1"))};
    cluster.wait_for_health("storage-1", "up");
    auto bytes = random_bytes(200'000, 1);
    for (auto& [node, process] : {std::pair{std::string{"master-1"}, master.id},
                                  std::pair{std::string{"storage-1"}, storage.id}}) {
      CAPTURE(node);
      {
        silent_connections strangers{cluster.port_of(node), 300};
        if (limit == 128)
          eventually("the node refuses some connections", [&] { return strangers.closed() > 100; });
        // The node is idle once it has dealt with all of them, except for heartbeats. A node that
        // spins takes far more, also on a busy machine.
        eventually("the node uses next to no CPU time for a second", [&] {
          auto before = ticks_of(process);
          std::this_thread::sleep_for(std::chrono::seconds{1});
          return ticks_of(process) - before < 15;
        });
      }
      eventually("the node serves again", [&] {
        return cluster.dfs({"put", "-", "/f"}, bytes).code == 0;
      });
      CHECK((cluster.dfs({"cat", "/f"}).out == bytes));
      CHECK_MESSAGE(::kill(process, 0) == 0, cluster.log_of(node));
    }
  }
}

TEST_CASE("a node raises its limit of open files, and refuses to start when the hard limit is "
          "too low") {
  cluster_shape shape;
  shape.storages = shape.copies = 1;
  shape.node["storage-1"] = "connections = 256"; // fewer than the limit lets it have
  test_cluster cluster{shape};
  {
    few_files soft{64};
    cluster.start("storage-1");
  }
  eventually("the node logs its limit of open files", [&] {
    return cluster.log_of("storage-1").find("256 bulk connections at once\"") != std::string::npos;
  });
  auto refused = run_program(with_few_files(40, cluster, "master-1"));
  CHECK(refused.code == 1);
  CHECK_MESSAGE(cluster.log_of("master-1").find("40 open files and it needs at least") !=
                    std::string::npos,
                cluster.log_of("master-1"));
}

TEST_CASE("when more clients write than storage nodes can serve at once, clients wait and all "
          "files are stored") {
  cluster_shape shape;
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    shape.node[node] = "connections = 6\nwrite_buffer = \"1MiB\"";
  shape.files = "chunk_size = \"1MiB\"\ninline_limit = 0";
  test_cluster cluster{shape};
  cluster.up();
  constexpr int clients = 24;
  auto file = cluster.folder() / "file";
  write_file(file, random_bytes(3 << 20, 1));
  std::vector<pid_t> puts;
  for (int i = 0; i < clients; ++i)
    puts.push_back(start_program({program("dfs").string(), "--cluster", cluster.folder().string(),
                                  "put", file.string(), fmt::format("/f{}", i)}));
  for (auto put : puts)
    CHECK(wait_for(put) == 0);
  for (int i = 0; i < clients; i += 5)
    CHECK((cluster.dfs({"cat", fmt::format("/f{}", i)}).out == read_file(file)));
  // No write was abandoned: each chunk has all of its copies, and there are no surplus copies.
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    CHECK(cluster.chunk_files(node).size() == 3 * clients);
}
