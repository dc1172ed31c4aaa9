#include <atoll/spi/balancer.hpp>

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, random, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, round_robin, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, weighted, 1, 0, 0);

namespace {

using namespace atl::spi;

std::unique_ptr<balancer> made(const descriptor& plugin) {
  options defaults{{{"start", std::string{"random"}}}};
  return std::unique_ptr<balancer>{plugin.create.balancer({defaults, 1})};
}

/// `size` nodes of weights 1 … 7 in ten racks, or in as many as there are nodes.
std::vector<candidate> nodes(std::int64_t size) {
  std::vector<candidate> all(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].id = 1 + i;
    all[i].weight = static_cast<double>(1 + i % 7);
    all[i].domain = "rack " + std::to_string(i % 10);
  }
  return all;
}

void pick(benchmark::State& state, const descriptor& plugin) {
  auto balancer = made(plugin);
  auto all = nodes(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(balancer->pick(all, 0));
  state.SetItemsProcessed(state.iterations());
}

void pick_three(benchmark::State& state, const descriptor& plugin) {
  auto balancer = made(plugin);
  auto all = nodes(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(balancer->pick_many(all, 3, 0));
  state.SetItemsProcessed(state.iterations());
}

} // namespace

/// Items a second are calls a second. `random` is the baseline of each size.
int main(int argc, char** argv) {
  const descriptor* plugins[] = {&ATOLL_PLUGIN_SYMBOL(balancer, random, 1, 0, 0),
                                 &ATOLL_PLUGIN_SYMBOL(balancer, round_robin, 1, 0, 0),
                                 &ATOLL_PLUGIN_SYMBOL(balancer, weighted, 1, 0, 0)};
  for (auto* plugin : plugins) {
    auto name = std::string{plugin->name};
    for (auto size : {3, 100, 1000}) {
      benchmark::RegisterBenchmark((name + "/pick").c_str(), pick, *plugin)->Arg(size);
      benchmark::RegisterBenchmark((name + "/pick_many(3)").c_str(), pick_three, *plugin)
          ->Arg(size);
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
  benchmark::RunSpecifiedBenchmarks();
}
