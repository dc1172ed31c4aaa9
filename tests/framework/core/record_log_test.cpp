#include "temporary_folder.hpp"

#include <atoll/core/record_log.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>
#include <rocksdb/db.h>
#include <sys/wait.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <unistd.h>

using namespace atl;

namespace {

/// Waits for tokens to become durable.
class durable_watch {
 public:
  record_log::callbacks callbacks() {
    return {[this](spi::persist_token token) {
              std::lock_guard lock{mutex_};
              last_ = token;
              changed_.notify_all();
            },
            [this](const error& problem) {
              std::lock_guard lock{mutex_};
              failure_ = problem.message;
              changed_.notify_all();
            }};
  }

  bool wait_for(spi::persist_token token) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return last_ >= token || !failure_.empty(); });
    return failure_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  spi::persist_token last_ = 0;
  std::string failure_;
};

spi::persist put(spi::persist_token token, std::uint64_t index, std::string bytes,
                 std::uint32_t stream = 0) {
  return {token, {spi::put_record{stream, index, std::move(bytes)}}};
}

} // namespace

TEST_CASE("incarnations increase when the clock goes back, and when the previous log was lost") {
  temporary_folder folder;
  auto incarnation_of = [&](const char* name, std::uint64_t wall_clock) {
    auto log = record_log::open(folder / name, wall_clock);
    REQUIRE(log.has_value());
    return (*log)->incarnation();
  };
  CHECK(incarnation_of("log", 5000) == 5000);
  CHECK(incarnation_of("log", 4000) == 5001);
  CHECK(incarnation_of("log", 7000) == 7000);
  CHECK(incarnation_of("another disk", 7001) == 7001);
}

TEST_CASE("a new log is empty, and each start counts one more incarnation") {
  temporary_folder folder;
  for (std::uint64_t incarnation = 1; incarnation <= 3; ++incarnation) {
    auto log = record_log::open(folder / "log", 0);
    REQUIRE(log.has_value());
    CHECK((*log)->incarnation() == incarnation);
    auto state = (*log)->load();
    REQUIRE(state.has_value());
    CHECK(state->records.empty());
    CHECK_FALSE(state->meta.has_value());
  }
}

TEST_CASE("durable records are read after a restart in order of stream and index") {
  temporary_folder folder;
  {
    auto log = record_log::open(folder / "log", 0);
    REQUIRE(log.has_value());
    durable_watch watch;
    (*log)->start(watch.callbacks());
    (*log)->submit(put(1, 300, "three hundred"));
    (*log)->submit(put(2, 2, "two"));
    (*log)->submit(put(3, 1, "other stream", 7));
    (*log)->submit({4, {spi::set_meta{"term 5"}}});
    CHECK(watch.wait_for(4));
  }
  auto log = record_log::open(folder / "log", 0);
  REQUIRE(log.has_value());
  auto state = (*log)->load();
  REQUIRE(state.has_value());
  CHECK(state->meta == "term 5");
  REQUIRE(state->records.size() == 3);
  CHECK(state->records[0].index == 2);
  CHECK(state->records[0].bytes == "two");
  CHECK(state->records[1].index == 300);
  CHECK(state->records[2].stream == 7);
  CHECK(state->records[2].bytes == "other stream");
}

TEST_CASE("an erasure removes both ends of its range and nothing outside") {
  temporary_folder folder;
  auto log = record_log::open(folder / "log", 0);
  REQUIRE(log.has_value());
  durable_watch watch;
  (*log)->start(watch.callbacks());
  for (std::uint64_t i = 1; i <= 9; ++i)
    (*log)->submit(put(i, i, std::to_string(i)));
  (*log)->submit({10, {spi::erase_records{0, 3, 7}}});
  CHECK(watch.wait_for(10));
  auto state = (*log)->load();
  REQUIRE(state.has_value());
  std::vector<std::uint64_t> left;
  for (auto& record : state->records)
    left.push_back(record.index);
  CHECK(left == std::vector<std::uint64_t>{1, 2, 8, 9});
}

TEST_CASE("many batches share few syncs") {
  temporary_folder folder;
  auto log = record_log::open(folder / "log", 0);
  REQUIRE(log.has_value());
  for (std::uint64_t i = 1; i <= 500; ++i)
    (*log)->submit(put(i, i, "x"));
  durable_watch watch;
  (*log)->start(watch.callbacks()); // all tokens are already pending
  CHECK(watch.wait_for(500));
  auto counters = (*log)->count();
  CHECK(counters.batches == 500);
  CHECK(counters.syncs == 1);
}

TEST_CASE("an altered record is reported as corrupt, not as missing") {
  temporary_folder folder;
  {
    auto log = record_log::open(folder / "log", 0);
    REQUIRE(log.has_value());
    durable_watch watch;
    (*log)->start(watch.callbacks());
    (*log)->submit(put(1, 1, "good"));
    (*log)->submit(put(2, 2, "to be damaged"));
    (*log)->submit({3, {spi::set_meta{"also damaged"}}});
    CHECK(watch.wait_for(3));
  }
  {
    rocksdb::DB* raw = nullptr;
    REQUIRE(rocksdb::DB::Open({}, (folder / "log").string(), &raw).ok());
    std::unique_ptr<rocksdb::DB> db{raw};
    std::unique_ptr<rocksdb::Iterator> it{db->NewIterator({})};
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      auto value = it->value().ToString();
      if (value.find("damaged") == value.npos)
        continue;
      value.back() ^= 1;
      REQUIRE(db->Put({}, it->key(), value).ok());
    }
    REQUIRE(it->status().ok());
  }
  auto log = record_log::open(folder / "log", 0);
  REQUIRE(log.has_value());
  auto state = (*log)->load();
  REQUIRE(state.has_value());
  REQUIRE(state->records.size() == 2);
  CHECK(state->records[0].state == spi::record_state::ok);
  CHECK(state->records[1].state == spi::record_state::corrupt);
  CHECK(state->records[1].index == 2);
  CHECK(state->meta_corrupt);
}

namespace {

std::filesystem::path newest_wal(const std::filesystem::path& folder) {
  std::filesystem::path newest;
  for (auto& entry : std::filesystem::directory_iterator{folder})
    if (entry.path().extension() == ".log" && entry.file_size() > 0 && entry.path() > newest)
      newest = entry.path();
  return newest;
}

/// ThreadSanitizer knows no threads that a forked process starts.
#if defined(__SANITIZE_THREAD__)
constexpr bool forks_are_unknown = true;
#else
constexpr bool forks_are_unknown = false;
#endif

/// Writes a log in a process that is killed, so that everything is still in the write-ahead log.
void write_and_die(const std::filesystem::path& folder, std::uint64_t records,
                   std::uint64_t first = 1, std::size_t bytes = 1000) {
  auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto log = record_log::open(folder, 0);
    durable_watch watch;
    (*log)->start(watch.callbacks());
    for (std::uint64_t i = first; i < first + records; ++i) {
      (*log)->submit(put(i, i, std::string(bytes, static_cast<char>('a' + i % 26))));
      watch.wait_for(i);
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
}

} // namespace

namespace {

std::string read_all(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write_all(const std::filesystem::path& file, std::string_view text) {
  std::ofstream out{file, std::ios::binary | std::ios::trunc};
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  REQUIRE(out.good());
}

/// A log of a killed process with a last write of any size, to be damaged by a test.
class damaged_log {
 public:
  static constexpr std::uint64_t records = 20;

  explicit damaged_log(std::size_t last_bytes) {
    write_and_die(folder_ / "log", records - 1);
    // The log is reopened, so that its newest file holds the start's write and the last write only.
    write_and_die(folder_ / "log", 1, records, last_bytes);
    wal_ = newest_wal(folder_ / "log");
    REQUIRE(!wal_.empty());
    whole_ = read_all(wal_);
    end_ = whole_.find_last_not_of('\0') + 1;
    begin_ = end_ - last_bytes; // and a few bytes before
  }

  std::size_t begin() const { return begin_; }
  std::size_t end() const { return end_; }
  std::string whole() const { return whole_; }

  /// The number of records when the file holds `content`; none: refused as corrupt, with its place.
  std::optional<std::size_t> records_of(const std::string& text) {
    auto copy = folder_ / "copy";
    std::filesystem::remove_all(copy);
    std::filesystem::copy(folder_ / "log", copy, std::filesystem::copy_options::recursive);
    write_all(copy / wal_.filename(), text);
    auto log = record_log::open(copy, 0);
    if (!log) {
      CHECK(log.error().code == errc::corrupt);
      CHECK_MESSAGE(log.error().message.find(wal_.filename().string() + ", offset ") !=
                        std::string::npos,
                    log.error().message);
      return std::nullopt;
    }
    auto state = (*log)->load();
    REQUIRE(state.has_value());
    return state->records.size();
  }

 private:
  temporary_folder folder_;
  std::filesystem::path wal_;
  std::string whole_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

constexpr std::size_t sector = 512;

} // namespace

TEST_CASE("after a crash a log that ends with zeros has all of its records" *
          doctest::skip(forks_are_unknown)) {
  damaged_log log{1000};
  CHECK(log.whole().size() > log.end() + 100'000); // so syncs need not update the file's size
  CHECK(log.records_of(log.whole()) == damaged_log::records);
}

TEST_CASE("a torn last write is cut off, and all records before it are kept" *
          doctest::skip(forks_are_unknown)) {
  for (std::size_t bytes : {1000, 20'000, 100'000}) {
    CAPTURE(bytes);
    damaged_log log{bytes};
    auto first = (log.begin() + sector - 1) / sector; // of the sectors that hold nothing else
    auto last = (log.end() - 1) / sector;
    SUBCASE("the file ends within the last write") {
      for (std::size_t less : {1, 500, 900})
        CHECK(log.records_of(log.whole().substr(0, log.end() - less)) == damaged_log::records - 1);
    }
    SUBCASE("some sectors of the last write were not written") {
      spi::random_source random{bytes};
      for (int round = 0; round < 12; ++round) {
        CAPTURE(round);
        auto text = log.whole();
        auto missing = 0;
        for (auto at = first; at < last; ++at)
          if (random.below(round == 0 ? 1 : 4) == 0) {
            text.replace(at * sector, sector, sector, '\0');
            ++missing;
          }
        CHECK(log.records_of(text) == (missing ? damaged_log::records - 1 : damaged_log::records));
      }
    }
  }
}

TEST_CASE("a log that is damaged anywhere is refused with file and offset" *
          doctest::skip(forks_are_unknown)) {
  damaged_log log{70'000};
  spi::random_source random{1};
  SUBCASE("a flipped bit") {
    for (int round = 0; round < 40; ++round) {
      auto text = log.whole();
      auto at = random.below(log.end());
      CAPTURE(at);
      text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
      CHECK_FALSE(log.records_of(text).has_value());
    }
  }
  SUBCASE("a sector of zeros before a later write") {
    temporary_folder folder;
    write_and_die(folder / "log", 20);
    auto wal = newest_wal(folder / "log");
    auto text = read_all(wal);
    auto end = text.find_last_not_of('\0') + 1;
    for (auto at = sector; at + 4 * sector < end; at += 3 * sector) {
      auto damaged = text;
      damaged.replace(at, sector, sector, '\0');
      write_all(wal, damaged);
      auto opened = record_log::open(folder / "log", 0);
      REQUIRE_FALSE(opened.has_value());
      CHECK_MESSAGE(opened.error().message.find(", offset ") != std::string::npos,
                    opened.error().message);
    }
  }
}

TEST_CASE("a flipped bit in the middle of the log is refused with file and offset" *
          doctest::skip(forks_are_unknown)) {
  temporary_folder folder;
  write_and_die(folder / "log", 20);
  auto wal = newest_wal(folder / "log");
  {
    std::fstream file{wal, std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(5000);
    file.put('!');
  }
  auto log = record_log::open(folder / "log", 0);
  REQUIRE_FALSE(log.has_value());
  CHECK(log.error().code == errc::corrupt);
  auto& message = log.error().message;
  CHECK_MESSAGE(message.find((folder / "log").string()) != std::string::npos, message);
  CHECK_MESSAGE(message.find(wal.filename().string() + ", offset ") != std::string::npos, message);
}
