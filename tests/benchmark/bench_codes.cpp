// How fast the codes of recovery schemes are, called as hosts call them, to ISA-L's own loop on the
// same buffers; and how much is read to mend a fragment.
//
//   bench_codes [--seconds N] [--json FILE]

#include "table.hpp"

#include <atoll/core/plugin_loader.hpp>
#include <atoll/core/plugin_options.hpp>

#include <CLI/CLI.hpp>
#include <isa-l/erasure_code.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace atl::spi;
using clock = std::chrono::steady_clock;

constexpr std::size_t cell_bytes = std::size_t{64} << 10;
constexpr std::size_t chunk_bytes_about = std::size_t{8} << 20;

struct code_shape {
  std::uint32_t data;
  std::uint32_t parity;
};

/// A scheme of a plugin that is loaded as a host loads it.
/// @param options as on a command line, `k=4`
std::shared_ptr<recovery> load_scheme(const std::string& name,
                                      const std::vector<std::string>& options) {
  auto plugin = atl::plugin_loader{}.load(plugin_kind::recovery, name);
  if (!plugin)
    throw std::runtime_error{plugin.error().message};
  auto parsed = atl::parse_options((*plugin)->options(), options, (*plugin)->title());
  if (!parsed)
    throw std::runtime_error{parsed.error().message};
  auto scheme = (*plugin)->create_recovery(*parsed);
  if (!scheme)
    throw std::runtime_error{scheme.error().message};
  return *scheme;
}

std::string drawn_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = size;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

/// The shortest time of two pieces of work, done by turns for so long that neither is favoured by
/// what else the machine does.
std::pair<double, double> best_seconds(double seconds, const std::function<void()>& ours,
                                       const std::function<void()>& theirs) {
  constexpr int rounds_min = 5;
  auto ours_best = std::numeric_limits<double>::infinity(), theirs_best = ours_best;
  auto end = clock::now() + std::chrono::duration<double>(seconds);
  for (int round = 0; round < rounds_min || clock::now() < end; ++round)
    for (auto [work, best] : {std::pair{&ours, &ours_best}, {&theirs, &theirs_best}}) {
      auto began = clock::now();
      (*work)();
      *best = std::min(*best, std::chrono::duration<double>(clock::now() - began).count());
    }
  return {ours_best, theirs_best};
}

/// ISA-L alone: some fragments out of `data` others, cell by cell.
class bare_code {
 public:
  /// @param lost which fragments are made; the first others that are enough are the sources
  bare_code(code_shape shape, const std::vector<std::uint32_t>& lost) : shape_{shape} {
    auto k = static_cast<int>(shape.data), n = static_cast<int>(shape.data + shape.parity);
    std::vector<unsigned char> matrix(static_cast<std::size_t>(n * k)), rows,
        inverse(static_cast<std::size_t>(k * k));
    gf_gen_cauchy1_matrix(matrix.data(), n, k);
    auto row = [&](std::uint32_t index) {
      return std::span{matrix}.subspan(std::size_t{index} * shape.data, shape.data);
    };
    for (std::uint32_t index = 0; sources_.size() < shape.data; ++index)
      if (std::ranges::find(lost, index) == lost.end()) {
        sources_.push_back(index);
        rows.insert(rows.end(), row(index).begin(), row(index).end());
      }
    if (gf_invert_matrix(rows.data(), inverse.data(), k) != 0)
      throw std::logic_error("a Cauchy matrix has an inverse");
    std::vector<unsigned char> factors;
    for (auto index : lost)
      for (std::size_t column = 0; column < shape.data; ++column) {
        unsigned char sum = 0;
        for (std::size_t i = 0; i < shape.data; ++i)
          sum ^= gf_mul(row(index)[i], inverse[i * shape.data + column]);
        factors.push_back(sum);
      }
    tables_.resize(32 * factors.size());
    ec_init_tables(k, static_cast<int>(lost.size()), factors.data(), tables_.data());
    made_.assign(lost.size(), {});
  }

  /// @param fragments all, of the same length
  void run(const std::vector<std::string>& fragments) {
    auto bytes = fragments.front().size();
    for (auto& each : made_)
      each.resize(bytes);
    for (std::size_t at = 0; at < bytes; at += cell_bytes) {
      std::vector<unsigned char*> from, to;
      for (auto index : sources_)
        from.push_back(
            reinterpret_cast<unsigned char*>(const_cast<char*>(fragments[index].data())) + at);
      for (auto& each : made_)
        to.push_back(reinterpret_cast<unsigned char*>(each.data()) + at);
      ec_encode_data(static_cast<int>(std::min(cell_bytes, bytes - at)),
                     static_cast<int>(shape_.data), static_cast<int>(made_.size()), tables_.data(),
                     from.data(), to.data());
    }
  }

  const std::vector<std::string>& made() const { return made_; }

 private:
  code_shape shape_;
  std::vector<std::uint32_t> sources_;
  std::vector<unsigned char> tables_;
  std::vector<std::string> made_;
};

void must(bool holds, const std::string& what) {
  if (!holds)
    throw std::runtime_error{what};
}

/// Cells of the same stripe in all fragments, as a client encodes them while it sends them.
void encode_by_stripes(const recovery& scheme, code_shape shape,
                       const std::vector<std::string>& fragments,
                       std::vector<std::string>& parity) {
  for (std::size_t at = 0; at < fragments.front().size(); at += cell_bytes) {
    std::vector<std::string_view> data;
    std::vector<std::span<char>> cells;
    for (std::uint32_t i = 0; i < shape.data; ++i)
      data.push_back(std::string_view{fragments[i]}.substr(at, cell_bytes));
    for (auto& each : parity)
      cells.push_back(std::span{each}.subspan(at, cell_bytes));
    scheme.encode_stripe(data, cells);
  }
}

/// Joins a chunk of which the first data fragments were made again.
void join(code_shape shape, const std::vector<std::string>& fragments,
          const std::vector<std::string>& made, std::string& chunk) {
  for (std::size_t at = 0; at < fragments.front().size(); at += cell_bytes)
    for (std::uint32_t i = 0; i < shape.data; ++i)
      std::memcpy(chunk.data() + at * shape.data + i * cell_bytes,
                  (i < made.size() ? made[i] : fragments[i]).data() + at, cell_bytes);
}

void measure_speed(code_shape shape, double seconds, figures& all) {
  auto scheme = load_scheme("reed_solomon",
                            {fmt::format("k={}", shape.data), fmt::format("m={}", shape.parity)});
  auto name = fmt::format("reed_solomon {} + {}: ", shape.data, shape.parity);
  auto stripe = cell_bytes * shape.data;
  auto chunk = drawn_bytes((chunk_bytes_about + stripe - 1) / stripe * stripe);
  std::string scratch;
  auto views = scheme->encode(chunk, scratch);
  const std::vector<std::string> fragments(views.begin(), views.end());
  auto add = [&](const std::string& what, std::pair<double, double> took,
                 const std::string& to = "ISA-L alone") {
    all.add(name + what, static_cast<double>(chunk.size()) / took.first / 1e6, "MB/s",
            took.second / took.first, to);
  };

  std::vector<std::uint32_t> parity(shape.parity), first(shape.parity);
  std::iota(parity.begin(), parity.end(), shape.data);
  std::iota(first.begin(), first.end(), 0);
  bare_code encoder{shape, parity}, decoder{shape, first}, rebuilder{shape, {0}};
  std::vector<std::string> made(shape.parity, std::string(fragments.front().size(), '\0'));
  add("encode, by stripes",
      best_seconds(
          seconds, [&] { encode_by_stripes(*scheme, shape, fragments, made); },
          [&] { encoder.run(fragments); }));
  must(made == encoder.made(), "encodes something else than ISA-L");
  add("encode, whole chunks",
      best_seconds(
          seconds, [&] { scheme->encode(chunk, scratch); }, [&] { encoder.run(fragments); }));

  // Without as many data fragments as may be lost. A host wants the chunk: ISA-L alone makes what
  // is lost, and the rest is copied.
  std::vector<std::optional<std::string_view>> left(fragments.begin(), fragments.end());
  for (auto index : first)
    left[index].reset();
  std::string decoded, joined(chunk.size(), '\0');
  auto decode = [&] {
    must(scheme->decode(chunk.size(), left, decoded).has_value(), "doesn't decode");
  };
  auto what = fmt::format("decode without {}", shape.parity);
  add(what, best_seconds(seconds, decode, [&] { decoder.run(fragments); }));
  add(what + ", and join",
      best_seconds(seconds, decode,
                   [&] {
                     decoder.run(fragments);
                     join(shape, fragments, decoder.made(), joined);
                   }),
      "ISA-L and copies");
  must(joined == chunk, "joins wrongly");
  must(decoded == chunk, "decodes wrongly");

  std::vector<source> sources;
  for (std::uint32_t i = 1; i < fragments.size(); ++i)
    sources.push_back({i, 1});
  fragment_range wanted{0, 0, fragments[0].size()};
  auto reads = scheme->reads_to_rebuild(chunk.size(), wanted, sources);
  must(reads.has_value(), "names no reads");
  std::vector<piece> pieces;
  for (auto& read : *reads)
    pieces.push_back(
        {read, std::string_view{fragments[read.fragment]}.substr(read.offset, read.length)});
  std::string rebuilt(wanted.length, '\0');
  add("rebuild one",
      best_seconds(
          seconds,
          [&] { must(scheme->rebuild(chunk.size(), wanted, pieces, rebuilt), "doesn't rebuild"); },
          [&] { rebuilder.run(fragments); }));
  must(rebuilt == fragments[0], "rebuilds wrongly");
}

/// What is read to mend a fragment, of all fragments on average, in fragments.
void measure_reads(const std::string& name, const std::string& plugin,
                   const std::vector<std::string>& options, std::size_t chunk_bytes, figures& all) {
  auto scheme = load_scheme(plugin, options);
  auto layout = scheme->layout();
  double sum = 0;
  for (std::uint32_t lost = 0; lost < layout.total; ++lost) {
    std::vector<source> sources;
    for (std::uint32_t i = 0; i < layout.total; ++i)
      if (i != lost)
        sources.push_back({i, 1});
    auto bytes = scheme->fragment_size(chunk_bytes, lost);
    auto reads = scheme->reads_to_rebuild(chunk_bytes, {lost, 0, bytes}, sources);
    must(reads.has_value(), "names no reads");
    for (auto& read : *reads)
      sum += static_cast<double>(read.length) / static_cast<double>(bytes);
  }
  auto read = sum / layout.total;
  all.add(name + ": read to mend one of " + std::to_string(layout.total), read, "fragments",
          read / layout.needed, fmt::format("{} fragments", layout.needed));
}

} // namespace

int main(int argc, char** argv) {
  double seconds = 4;
  std::string json;
  CLI::App app{"Measures the codes of recovery schemes"};
  app.add_option("--seconds", seconds, "For all figures of one code")->check(CLI::PositiveNumber);
  app.add_option("--json", json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  try {
    figures all;
    for (auto shape : {code_shape{4, 2}, {8, 3}, {10, 4}})
      measure_speed(shape, seconds / 4, all);
    constexpr std::size_t mebi = std::size_t{1} << 20;
    measure_reads("reed_solomon 12 + 4", "reed_solomon", {"k=12", "m=4"}, 12 * mebi, all);
    measure_reads("local_reconstruction 12 + 2 + 2", "local_reconstruction",
                  {"k=12", "groups=2", "globals=2"}, 12 * mebi, all);
    measure_reads("clay 4 + 2", "clay", {"k=4", "m=2"}, 8 * mebi, all);
    measure_reads("clay 8 + 4", "clay", {"k=8", "m=4"}, 8 * mebi, all);
    measure_reads("clay 10 + 4", "clay", {"k=10", "m=4"}, 10 * mebi, all);
    if (!json.empty())
      std::ofstream{json} << all.json() << '\n';
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_codes: {}\n", problem.what());
    return 1;
  }
  return 0;
}
