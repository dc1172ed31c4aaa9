// What the bulk plane costs beside a bare loopback socket, in the same run. Read through a baseline
// that only copies: a thread sends 1 GiB from memory, another receives it.
#include "bulk/connection.hpp"
#include "bulk/server.hpp"
#include "storage/chunk_store.hpp"
#include "temporary_folder.hpp"

#include <atoll/core/open_files.hpp>

#include <benchmark/benchmark.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <malloc.h>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <vector>

namespace {

using namespace dfs;
namespace asio = boost::asio;

constexpr std::size_t chunk_size = 8 * 1024 * 1024;
constexpr std::uint64_t chunks = 128; // 1 GiB

const std::string& chunk_data() {
  static const std::string data = [] {
    std::string out(chunk_size, '\0');
    std::uint64_t x = 1;
    for (auto& byte : out)
      byte = static_cast<char>((x = x * 6364136223846793005ULL + 1442695040888963407ULL) >> 56);
    return out;
  }();
  return data;
}

template <class Result>
void must(const Result& done) {
  if (done)
    return;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  std::abort();
}

struct node {
  explicit node(std::string_view name) : folder{(home / name).string()} {
    auto opened = chunk_store::open({folder, 0});
    must(opened);
    store = std::move(*opened);
    bulk_server_options options;
    options.self.cluster = "bench";
    options.listen = {"127.0.0.1", 0};
    auto started = bulk_server::start(*store, options);
    must(started);
    server = std::move(*started);
  }

  temporary_folder home;
  std::string folder;
  std::unique_ptr<chunk_store> store;
  std::unique_ptr<bulk_server> server;
};

chunk_id id_of(std::uint64_t number) {
  return {number, number * 0x9e3779b97f4a7c15};
}

bulk_options caller() {
  bulk_options options;
  options.self.cluster = "bench";
  options.self.role = "client";
  return options;
}

void set_rate(benchmark::State& state, std::uint64_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes * state.iterations()));
}

void loopback_copy(benchmark::State& state) {
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor{context, {asio::ip::make_address("127.0.0.1"), 0}};
  asio::ip::tcp::socket out{context};
  out.connect(acceptor.local_endpoint());
  auto in = acceptor.accept();
  std::string buffer(chunk_size, '\0');
  const auto& data = chunk_data();
  for (auto _ : state) {
    std::thread sender{[&] {
      for (std::uint64_t i = 0; i < chunks; ++i)
        asio::write(out, asio::buffer(data));
    }};
    for (std::uint64_t i = 0; i < chunks; ++i)
      asio::read(in, asio::buffer(buffer));
    sender.join();
  }
  set_rate(state, chunks * chunk_size);
}

void read_fragments(benchmark::State& state) {
  node one{"store"};
  bulk_connection over{one.server->listens_at(), caller()};
  std::vector<write_target> targets = {{"one", one.server->listens_at(), 0}};
  for (std::uint64_t i = 0; i < chunks; ++i)
    must(over.write_chunk(targets, id_of(i), chunk_data(), durability::replicated));
  must(one.store->flush());
  std::vector<std::byte> buffer(chunk_size);
  for (auto _ : state)
    for (std::uint64_t i = 0; i < chunks; ++i)
      must(over.read_fragment({id_of(i), 0}, 0, buffer));
  set_rate(state, chunks * chunk_size);
}

/// Blocks of 64 KiB, one request each.
void read_blocks(benchmark::State& state) {
  node one{"store"};
  bulk_connection over{one.server->listens_at(), caller()};
  std::vector<write_target> targets = {{"one", one.server->listens_at(), 0}};
  must(over.write_chunk(targets, id_of(1), chunk_data(), durability::replicated));
  std::vector<std::byte> buffer(block_size);
  for (auto _ : state)
    for (std::uint64_t at = 0; at < chunk_size; at += block_size)
      must(over.read_fragment({id_of(1), 0}, at, buffer));
  set_rate(state, chunk_size);
}

/// The same over several connections, each with a thread.
void read_in_parallel(benchmark::State& state) {
  node one{"store"};
  auto threads = static_cast<std::uint64_t>(state.range(0));
  {
    bulk_connection over{one.server->listens_at(), caller()};
    std::vector<write_target> targets = {{"one", one.server->listens_at(), 0}};
    for (std::uint64_t i = 0; i < chunks; ++i)
      must(over.write_chunk(targets, id_of(i), chunk_data(), durability::replicated));
  }
  must(one.store->flush());
  std::vector<std::unique_ptr<bulk_connection>> connections;
  for (std::uint64_t i = 0; i < threads; ++i) {
    connections.push_back(std::make_unique<bulk_connection>(one.server->listens_at(), caller()));
    must(connections.back()->probe());
  }
  constexpr std::size_t range = 1024 * 1024;
  constexpr auto ranges = chunks * (chunk_size / range);
  for (auto _ : state) {
    std::atomic<std::uint64_t> next = 0;
    std::vector<std::thread> readers;
    for (auto& over : connections)
      readers.emplace_back([&next, &over] {
        std::vector<std::byte> buffer(range);
        for (auto i = next++; i < ranges; i = next++)
          must(over->read_fragment({id_of(i % chunks), 0}, i / chunks * range, buffer));
      });
    for (auto& each : readers)
      each.join();
  }
  set_rate(state, chunks * chunk_size);
}

/// A file of the same size, written and synced in the same folder: what the disk can do.
void local_file(benchmark::State& state) {
  temporary_folder home;
  auto path = (home / "file").string();
  auto& disk = real_disk();
  for (auto _ : state) {
    disk_file file{disk, disk.open(path, O_RDWR | O_CREAT | O_TRUNC)};
    for (std::uint64_t i = 0; i < chunks / 4; ++i)
      if (write_fully(disk, file.fd(), chunk_data().data(), chunk_size, i * chunk_size) != 0)
        std::abort();
    if (disk.fdatasync(file.fd()) != 0)
      std::abort();
  }
  set_rate(state, chunks / 4 * chunk_size);
}

void write_pipeline(benchmark::State& state) {
  std::vector<std::unique_ptr<node>> nodes;
  std::vector<write_target> targets;
  for (int i = 0; i < state.range(0); ++i) {
    nodes.push_back(std::make_unique<node>(std::to_string(i)));
    targets.push_back({std::to_string(i), nodes.back()->server->listens_at(), 0});
  }
  auto how = state.range(1) != 0 ? durability::fsync : durability::replicated;
  bulk_connection over{targets.front().at, caller()};
  std::uint64_t next = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < chunks / 4; ++i) {
      auto results = over.write_chunk(targets, id_of(next++), chunk_data(), how);
      must(results);
      for (const auto& each : *results)
        must(each.outcome);
    }
    state.PauseTiming();
    for (auto& each : nodes)
      for (const auto& stored : each->store->list())
        must(each->store->remove(stored.key));
    state.ResumeTiming();
  }
  set_rate(state, chunks / 4 * chunk_size);
}

void write_small(benchmark::State& state) {
  node one{"store"};
  bulk_connection over{one.server->listens_at(), caller()};
  std::vector<write_target> targets = {{"one", one.server->listens_at(), 0}};
  auto how = state.range(0) != 0 ? durability::fsync : durability::replicated;
  std::uint64_t next = 0;
  for (auto _ : state)
    must(over.write_chunk(targets, id_of(next++), {chunk_data().data(), 4096}, how));
  state.SetItemsProcessed(state.iterations());
}

/// Opens so many connections in another process, and keeps them open until the destructor.
class idle_clients {
 public:
  idle_clients(const atl::endpoint& node, std::size_t count) {
    if (::pipe(ready_) != 0 || ::pipe(release_) != 0)
      std::abort();
    child_ = ::fork();
    if (child_ == 0) {
      connect(node, count);
      char byte = 0;
      std::ignore = ::write(ready_[1], &byte, 1);
      ::close(release_[1]);
      std::ignore = ::read(release_[0], &byte, 1);
      ::_exit(0);
    }
    ::close(ready_[1]);
    char byte = 0;
    if (::read(ready_[0], &byte, 1) != 1)
      std::abort();
  }
  ~idle_clients() {
    ::close(release_[1]);
    ::waitpid(child_, nullptr, 0);
  }

 private:
  static void connect(const atl::endpoint& node, std::size_t count) {
    static std::vector<std::unique_ptr<bulk_connection>> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(std::make_unique<bulk_connection>(node, caller()));
      must(all.back()->probe());
    }
  }

  int ready_[2]{};
  int release_[2]{};
  pid_t child_ = 0;
};

std::size_t heap_bytes() {
  auto heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

/// Heap that a node needs for a connection that has made a request and is idle.
void idle_connections(benchmark::State& state) {
  constexpr std::size_t count = 1000;
  atl::raise_open_files_limit();
  node one{"store"};
  idle_clients first{one.server->listens_at(), 10}; // what the first connections allocate for all
  for (auto _ : state) {
    auto before = heap_bytes();
    idle_clients more{one.server->listens_at(), count};
    state.counters["bytes_each"] =
        (static_cast<double>(heap_bytes()) - static_cast<double>(before)) / count;
  }
}

BENCHMARK(idle_connections)->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(loopback_copy)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(read_fragments)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(read_blocks)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(read_in_parallel)
    ->ArgName("connections")
    ->Arg(1)
    ->Arg(16)
    ->Arg(256)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(local_file)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(write_pipeline)
    ->ArgNames({"nodes", "fsync"})
    ->Args({1, 0})
    ->Args({1, 1})
    ->Args({3, 0})
    ->Args({3, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(write_small)
    ->ArgName("fsync")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

} // namespace

BENCHMARK_MAIN();
