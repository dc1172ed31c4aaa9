// Measures how many commands the name space applies, by its size: in memory, and with rows that are
// on the disk alone; and how long extents of large files take.
//
//   bench_names [--files N,N,…] [--commands N] [--cache SIZE] [--folder FOLDER] [--json FILE]
//
// The state of each size is written by commands, then opened again with a small cache, and the
// system forgets the files' pages (`posix_fadvise`); how many it kept is printed. Commands go the
// way that they go in a replica: announced when they are proposed, applied some hundred later.

#include "names_workload.hpp"
#include "table.hpp"
#include "temporary_folder.hpp"

#include <atoll/core/quantity.hpp>
#include <atoll/core/state_runner.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/mman.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace {

namespace fs = std::filesystem;
using clock_type = std::chrono::steady_clock;
using atl::spi::committed_entry;

/// Between the proposal of a command and its application there are so many others: as many as
/// clients have under way.
constexpr std::size_t under_way = 256;
constexpr std::size_t batch = 32;

double seconds_since(clock_type::time_point begin) {
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

/// A name space on the threads that it has in a replica.
class replica {
 public:
  replica(const fs::path& folder, std::size_t cache_bytes)
      : names_{names_workload::open(folder, cache_bytes)}, runner_{*names_, 2, calls()} {}

  void prepare(const committed_entry& entry) { runner_.prepare(entry.command); }
  void apply(std::vector<committed_entry> entries) { runner_.apply(std::move(entries)); }
  void wait_for(atl::spi::log_index index) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return applied_ >= index; });
  }
  void flush() {
    runner_.flush();
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return flushed_ >= applied_; });
  }

 private:
  atl::state_runner::callbacks calls() {
    return {[this](auto index, auto) { note(applied_, index); }, [](auto) {},
            [this](auto index) { note(flushed_, index); },
            [](const atl::error& why) {
              fmt::print(stderr, "bench_names: {}\n", why.message);
              std::_Exit(1);
            }};
  }
  void note(atl::spi::log_index& what, atl::spi::log_index index) {
    std::lock_guard lock{mutex_};
    what = index;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  atl::spi::log_index applied_ = 0;
  atl::spi::log_index flushed_ = 0;
  std::unique_ptr<dfs::name_space> names_;
  atl::state_runner runner_;
};

/// The time that this process's threads of a name were on a processor, in seconds.
double thread_seconds(const std::string& name) {
  double seconds = 0;
  for (auto& task : fs::directory_iterator{"/proc/self/task"}) {
    std::string comm;
    std::ifstream comm_file{task.path() / "comm"};
    std::getline(comm_file, comm);
    double nanoseconds = 0;
    std::ifstream schedule{task.path() / "schedstat"};
    schedule >> nanoseconds;
    if (comm == name)
      seconds += nanoseconds / 1e9;
  }
  return seconds;
}

/// Of a command.
struct cost {
  double wall_us = 0;
  double applying_us = 0;  ///< processor time of the applying thread
  double preparing_us = 0; ///< processor time of the threads that prepare
};

/// Applies `count` commands of `next`.
cost apply(replica& to, std::size_t count, bool prepares,
           const std::function<committed_entry()>& next) {
  std::vector<committed_entry> proposed;
  proposed.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    proposed.push_back(next());
  auto last = proposed.back().index;
  auto applying = thread_seconds("atoll.state"), preparing = thread_seconds("atoll.prepare");
  auto begin = clock_type::now();
  std::size_t announced = 0;
  for (std::size_t i = 0; i < count; i += batch) {
    for (; prepares && announced < std::min(count, i + under_way); ++announced)
      to.prepare(proposed[announced]);
    auto end = std::min(count, i + batch);
    std::vector<committed_entry> some{
        std::make_move_iterator(proposed.begin() + static_cast<std::ptrdiff_t>(i)),
        std::make_move_iterator(proposed.begin() + static_cast<std::ptrdiff_t>(end))};
    if (i >= under_way) // clients wait for their answers
      to.wait_for(some.front().index - under_way);
    to.apply(std::move(some));
  }
  to.wait_for(last);
  auto each = 1e6 / static_cast<double>(count);
  return {seconds_since(begin) * each, (thread_seconds("atoll.state") - applying) * each,
          (thread_seconds("atoll.prepare") - preparing) * each};
}

double fill(const fs::path& folder, names_workload::log& log, std::uint64_t files) {
  replica it{folder, 256u << 20};
  auto begin = clock_type::now();
  std::vector<committed_entry> some;
  auto add = [&](committed_entry entry) {
    some.push_back(std::move(entry));
    if (some.size() < 1024)
      return;
    auto first = some.front().index;
    it.apply(std::exchange(some, {}));
    it.wait_for(first - 1);
  };
  add(log.define_policy());
  add(log.set_policy());
  for (int node = 1; node <= 3; ++node)
    add(log.register_storage(node));
  for (std::uint64_t file = 0; file < files; ++file) {
    if (file % names_workload::files_per_directory == 0)
      add(log.make_directory(file / names_workload::files_per_directory));
    add(log.put_file(file));
  }
  auto last = some.back().index;
  it.apply(std::move(some));
  it.wait_for(last);
  it.flush();
  return static_cast<double>(files) / seconds_since(begin);
}

/// Asks the system to forget the pages of the files. @returns the share of them that it kept
double forget_pages(const fs::path& folder) {
  std::size_t kept = 0, all = 0;
  for (auto& entry : fs::directory_iterator{folder}) {
    auto size = entry.is_regular_file() ? entry.file_size() : 0;
    auto file = ::open(entry.path().c_str(), O_RDONLY);
    if (size == 0 || file < 0)
      continue;
    ::fdatasync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> resident((size + page - 1) / page);
    auto* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED && ::mincore(memory, size, resident.data()) == 0)
      for (auto it : resident)
        kept += it & 1;
    if (memory != MAP_FAILED)
      ::munmap(memory, size);
    all += resident.size();
    ::close(file);
  }
  return all > 0 ? static_cast<double>(kept) / static_cast<double>(all) : 0;
}

double megabytes_in(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  for (auto& entry : fs::directory_iterator{folder})
    bytes += entry.is_regular_file() ? entry.file_size() : 0;
  return static_cast<double>(bytes) / 1e6;
}

struct options {
  std::vector<std::uint64_t> files{10'000, 1'000'000};
  std::size_t commands = 20'000;
  std::size_t cache_bytes = 64u << 20;
  fs::path folder;
};

void measure_in_memory(const fs::path& folder, std::size_t commands, figures& table) {
  names_workload::log log;
  fill(folder, log, 1000);
  replica it{folder, 256u << 20};
  auto create = [&] { return log.create_anywhere(1000); };
  apply(it, commands, false, create);
  auto got = apply(it, 4 * commands, false, create);
  table.add("creates in memory", 1e6 / got.wall_us, "/s");
  table.add("creates in memory: applying thread", got.applying_us, "us each");
}

/// The time in which the last extents of a file are found, by the number of its extents; then how
/// long a write of one extent in any place takes.
void measure_extents(const fs::path& folder, std::size_t commands, figures& table) {
  constexpr std::uint64_t counts[] = {10, 1'000'000};
  constexpr std::uint64_t extents_at_once = 5000;
  auto names = names_workload::open(folder, 256u << 20);
  names_workload::log log;
  auto run = [&](committed_entry entry) {
    if (auto done = names->apply({&entry, 1}); !done)
      throw std::runtime_error(done.error().message);
  };
  run(log.define_policy());
  run(log.set_policy());
  for (int node = 1; node <= 3; ++node)
    run(log.register_storage(node));
  auto name = [](std::uint64_t count) { return fmt::format("file of {} extents", count); };
  for (auto count : counts) {
    run(log.make_file(name(count)));
    for (std::uint64_t begin = 0; begin < count; begin += extents_at_once)
      run(log.write_extents(name(count), begin, std::min(begin + extents_at_once, count)));
  }
  std::map<std::uint64_t, double> open_us, write_us;
  for (auto count : counts) {
    dfs::queries::open what{{dfs::root_inode, name(count)},
                            2 * (count - 10) * names_workload::extent_bytes};
    auto began = clock_type::now();
    for (std::size_t i = 0; i < commands; ++i) {
      auto page = dfs::query(*names, what);
      if (!page || page->pieces.size() != 10)
        throw std::runtime_error("the last extents weren't found");
    }
    open_us[count] = 1e6 * seconds_since(began) / static_cast<double>(commands);
    atl::spi::random_source random{1};
    began = clock_type::now();
    for (std::size_t i = 0; i < commands; ++i) {
      auto number = random.below(count);
      run(log.write_extents(name(count), number, number + 1));
    }
    write_us[count] = 1e6 * seconds_since(began) / static_cast<double>(commands);
  }
  for (auto& [what, us] :
       {std::pair{"last ten extents opened", open_us}, std::pair{"an extent written", write_us}})
    for (auto count : counts)
      table.add(fmt::format("{}, of {}", what, count), us.at(count), "us",
                us.at(count) / us.at(counts[0]), "the time of a file of 10");
}

/// @returns the costs of its figures, for larger sizes to be compared with
std::vector<cost> measure(const options& how, std::uint64_t files, const std::vector<cost>& least,
                          figures& table) {
  temporary_folder work;
  auto folder = (how.folder.empty() ? work.path() : how.folder) / fmt::format("names-{}", files);
  names_workload::log log;
  auto title = fmt::format("{} files: ", files);
  table.add(title + "filled", fill(folder, log, files), "files/s");
  table.add(title + "database", megabytes_in(folder), "MB");
  struct workload {
    const char* name;
    bool prepares;
    std::function<committed_entry()> next;
  };
  auto create = [&] { return log.create_anywhere(files); };
  auto replace = [&] { return log.replace_any(files); };
  auto remove = [&] { return log.remove_any(files); };
  std::vector<cost> costs;
  for (auto& [name, prepares, next] :
       std::vector<workload>{{"cold creates", true, create},
                             {"cold creates, not prepared", false, create},
                             {"cold replacements", true, replace},
                             {"cold replacements, not prepared", false, replace},
                             {"cold removals", true, remove}}) {
    auto kept = forget_pages(folder);
    if (kept > 0.05)
      fmt::print("{:<58} {:>10.1f} % of the pages stayed in memory\n", title + name, 100 * kept);
    replica it{folder, how.cache_bytes};
    auto got = apply(it, how.commands, prepares, next);
    auto rate = 1e6 / got.wall_us;
    auto at = costs.size();
    if (at < least.size())
      table.add(title + name, rate, "/s", got.wall_us / least[at].wall_us,
                "the time of the smallest");
    else
      table.add(title + name, rate, "/s");
    table.add(title + name + ": applying thread", got.applying_us, "us each");
    if (prepares)
      table.add(title + name + ": preparing threads", got.preparing_us, "us each");
    costs.push_back(got);
  }
  if (!how.folder.empty())
    fs::remove_all(folder);
  return costs;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures the commands that the name space applies, by its size"};
  options how;
  std::string json, cache = "64MiB", folder;
  app.add_option("--files", how.files, "Sizes of the name space")->delimiter(',');
  app.add_option("--commands", how.commands, "For each figure")->check(CLI::Range(100, 10'000'000));
  app.add_option("--cache", cache, "As names.cache, while it is measured");
  app.add_option("--folder", folder, "Where the name spaces are written");
  app.add_option("--json", json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  auto bytes = atl::parse_size(cache);
  if (!bytes) {
    fmt::print(stderr, "bench_names: --cache: {}\n", bytes.error().message);
    return 2;
  }
  how.cache_bytes = static_cast<std::size_t>(*bytes);
  how.folder = folder;
  figures table;
  {
    temporary_folder work;
    measure_in_memory(work / "names", how.commands, table);
  }
  {
    temporary_folder work;
    measure_extents(work / "names", how.commands, table);
  }
  std::vector<cost> least;
  for (auto files : how.files) {
    auto costs = measure(how, files, least, table);
    if (least.empty())
      least = costs;
  }
  if (!json.empty())
    std::ofstream{json} << table.json() << '\n';
  return 0;
}
