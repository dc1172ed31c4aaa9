// A storage node with many small fragments: how long a start takes, and how much memory and time
// the list of them.
#include "storage/chunk_store.hpp"
#include "temporary_folder.hpp"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unistd.h>

namespace {

using namespace dfs;

constexpr std::string_view data = "a small fragment";

void must(bool done, std::string_view what) {
  if (done)
    return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

std::unique_ptr<chunk_store> open_store(const std::string& folder) {
  auto opened = chunk_store::open({folder, 0});
  must(opened.has_value(), opened ? "" : opened.error().message);
  return std::move(*opened);
}

/// Writes the file of a fragment as the store leaves it, without syncing.
void write_fragment(const std::string& folder, const fragment_key& key) {
  fragment_info info{key, data.size(), {block_crc(std::as_bytes(std::span{data}))}};
  auto bytes = std::string{data} + encode_footer(info);
  auto path = folder + "/" + to_string(key.chunk).substr(16, 2) + "/" + to_string(key);
  auto fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  must(fd >= 0, path);
  must(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), path);
  ::close(fd);
}

void start_of_a_node(benchmark::State& state) {
  temporary_folder home;
  auto folder = (home.path() / "chunks").string();
  auto count = static_cast<std::uint64_t>(state.range(0));
  auto store = open_store(folder); // makes the folders
  std::mt19937_64 random{1};
  for (std::uint64_t i = 0; i < count; ++i)
    write_fragment(folder, {{1'700'000'000'000'000 + i, random()}, 0});
  for (auto _ : state) {
    state.PauseTiming();
    store.reset();
    state.ResumeTiming();
    store = open_store(folder);
  }
  must(store->list().size() == count, "fragments are missing");
}

void slice_of_2000(benchmark::State& state) {
  auto count = static_cast<std::uint64_t>(state.range(0));
  fragment_index index;
  std::mt19937_64 random{1};
  for (std::uint64_t i = 0; i < count; ++i)
    index.put({{{random() % count, random()}, 0}, data.size(), i});
  state.counters["bytes_each"] =
      static_cast<double>(index.memory_bytes()) / static_cast<double>(count);
  for (auto _ : state)
    benchmark::DoNotOptimize(index.slice({{random() % count, 0}, 0}, 2000));
}

} // namespace

BENCHMARK(start_of_a_node)->Arg(50'000)->Arg(500'000)->Unit(benchmark::kMillisecond)->Iterations(2);
BENCHMARK(slice_of_2000)->Arg(500'000)->Unit(benchmark::kMicrosecond);

BENCHMARK_MAIN();
