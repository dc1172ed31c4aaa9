#include "apps/dfs/storage/faulty_disk.hpp"
#include "apps/dfs/storage/store_fixture.hpp"
#include "job/piece_result.hpp"
#include "node/piece_runner.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>

using namespace dfs;
using namespace dfs::test;
using atl::errc;

namespace {

/// A disk whose reads wait while a test holds them.
class held_disk : public faulty_disk {
 public:
  void hold(bool holds) {
    std::lock_guard lock{mutex_};
    holds_ = holds;
    changed_.notify_all();
  }
  /// Waits until so many reads wait.
  void wait_for_readers(std::size_t count) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return readers_ >= count; });
  }
  ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t offset) override {
    {
      std::unique_lock lock{mutex_};
      ++readers_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return !holds_; });
      --readers_;
    }
    return faulty_disk::pread(fd, data, size, offset);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool holds_ = false;
  std::size_t readers_ = 0;
};

/// A runner over a store, and what became of the pieces.
struct fixture {
  held_disk disk;
  store_fixture chunks{disk};
  std::unique_ptr<piece_runner> runner = std::make_unique<piece_runner>(
      std::shared_ptr<chunk_store>{chunks.store.get(), [](chunk_store*) {}});

  ~fixture() { disk.hold(false); }

  job::piece_request piece(std::uint64_t number, std::uint64_t bytes, std::uint64_t job = 1) const {
    job::piece_request it;
    it.job = job;
    it.spec.kind = job::job_kind::checksum;
    it.chunk = key_of(number).chunk;
    it.chunk_bytes = it.length = bytes;
    it.fragments = 3;
    return it;
  }
  /// @returns the number of the answer
  std::size_t send(job::piece_request what) {
    auto number = sent_++;
    runner->run(std::move(what), [this, number](atl::result<std::string> outcome) {
      std::lock_guard lock{mutex_};
      answers_.emplace(number, std::move(outcome));
      changed_.notify_all();
    });
    return number;
  }
  atl::result<std::string> answer(std::size_t number) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return answers_.contains(number); });
    return answers_.at(number);
  }
  bool is_answered(std::size_t number) {
    std::lock_guard lock{mutex_};
    return answers_.contains(number);
  }
  errc error_of(std::size_t number) {
    auto it = answer(number);
    REQUIRE(!it.has_value());
    return it.error().code;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, atl::result<std::string>> answers_;
  std::size_t sent_ = 0;
};

job::piece_result decoded(const atl::result<std::string>& answer) {
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  auto result = job::decode_piece_result(*answer);
  REQUIRE(result.has_value());
  return *result;
}

} // namespace

TEST_CASE("a node works on the fragment that it has, and on the range that it is asked for") {
  fixture it;
  auto data = pattern(3'000'000);
  REQUIRE(put(*it.chunks.store, key_of(1, 2), data).has_value());
  for (auto [offset, length] : {std::pair<std::size_t, std::size_t>{0, 3'000'000},
                                {0, 1},
                                {65'535, 2},
                                {1'048'576, 1'048'577},
                                {2'999'999, 1},
                                {100'000, 2'500'000}}) {
    auto piece = it.piece(1, data.size());
    piece.offset = offset;
    piece.length = length;
    auto result = decoded(it.answer(it.send(piece)));
    job::posix_checksum expected;
    expected.add(std::string_view{data}.substr(offset, length));
    CHECK(result.bytes == length);
    CHECK(std::get<job::posix_checksum>(result.value).value() == expected.value());
  }
  CHECK(it.runner->under_way() == 0);
}

TEST_CASE("a chunk that isn't on the node, or not whole, is refused") {
  fixture it;
  CHECK(it.error_of(it.send(it.piece(1, 10))) == errc::not_found);
  REQUIRE(put(*it.chunks.store, key_of(1), "half").has_value());
  CHECK(it.error_of(it.send(it.piece(1, 8))) == errc::refused);
}

TEST_CASE("a pattern that makes no sense is an error of the piece, and not of the node") {
  fixture it;
  REQUIRE(put(*it.chunks.store, key_of(1), "text").has_value());
  auto piece = it.piece(1, 4);
  piece.spec = {job::job_kind::grep, "(((("};
  CHECK(it.error_of(it.send(piece)) == errc::invalid);
  piece.spec.pattern = "t";
  CHECK(decoded(it.answer(it.send(piece))).bytes == 4);
}

TEST_CASE("a fragment with a damaged block is moved aside, and the piece fails") {
  fixture it;
  auto data = pattern(200'000);
  REQUIRE(put(*it.chunks.store, key_of(1), data).has_value());
  it.chunks.flip_bit(key_of(1), 150'000);
  CHECK(it.error_of(it.send(it.piece(1, data.size()))) == errc::corrupt);
  CHECK(it.chunks.files_in("damaged") == 1);
  CHECK(it.error_of(it.send(it.piece(1, data.size()))) == errc::not_found);
}

TEST_CASE("a cancelled job's pieces end, wherever they are, and others go on") {
  fixture it;
  auto data = pattern(4'000'000);
  REQUIRE(put(*it.chunks.store, key_of(1), data).has_value());
  it.disk.hold(true);
  std::deque<std::size_t> of_job;
  for (int i = 0; i < 20; ++i)
    of_job.push_back(it.send(it.piece(1, data.size(), 7)));
  auto other = it.send(it.piece(1, data.size(), 8));
  it.disk.wait_for_readers(1);
  std::mutex mutex;
  std::condition_variable changed;
  auto is_over = false;
  it.runner->cancel(7, [&] {
    std::lock_guard lock{mutex};
    is_over = true;
    changed.notify_all();
  });
  for (auto waiting : {of_job.back(), of_job[of_job.size() - 2]})
    CHECK(it.error_of(waiting) == errc::refused); // while others run
  {
    std::lock_guard lock{mutex};
    CHECK(!is_over); // a piece is in a read
  }
  CHECK(!it.is_answered(of_job.front()));
  it.disk.hold(false);
  std::unique_lock lock{mutex};
  changed.wait(lock, [&] { return is_over; });
  for (auto each : of_job) {
    auto answer = it.answer(each);
    REQUIRE(!answer.has_value());
    CHECK(answer.error() == atl::error{errc::refused, "the job was cancelled"});
  }
  CHECK(decoded(it.answer(other)).bytes == data.size());
  CHECK(it.error_of(it.send(it.piece(1, data.size(), 7))) == errc::refused); // it comes late
  CHECK(it.runner->under_way() == 0);
}

TEST_CASE("cancelling a job that has no pieces here is over at once") {
  fixture it;
  auto is_over = false;
  it.runner->cancel(1, [&] { is_over = true; });
  CHECK(is_over);
}

TEST_CASE("pieces beyond those that may wait are refused as busy") {
  fixture it;
  REQUIRE(put(*it.chunks.store, key_of(1), "text").has_value());
  it.disk.hold(true);
  std::size_t busy = 0;
  std::deque<std::size_t> sent;
  while (busy == 0 && sent.size() < 2 * piece_runner::waiting_max) {
    sent.push_back(it.send(it.piece(1, 4)));
    busy += it.is_answered(sent.back());
  }
  CHECK(it.error_of(sent.back()) == errc::busy);
  sent.pop_back();
  CHECK(sent.size() >= piece_runner::waiting_max);
  it.disk.hold(false);
  for (auto each : sent)
    CHECK(decoded(it.answer(each)).bytes == 4);
}

TEST_CASE("a node that stops ends its pieces") {
  fixture it;
  auto data = pattern(4'000'000);
  REQUIRE(put(*it.chunks.store, key_of(1), data).has_value());
  it.disk.hold(true);
  std::deque<std::size_t> sent;
  for (int i = 0; i < 20; ++i)
    sent.push_back(it.send(it.piece(1, data.size())));
  it.disk.wait_for_readers(1);
  std::thread release{[&] {
    CHECK(it.error_of(sent.back()) == errc::unavailable); // it waits
    it.disk.hold(false);
  }};
  it.runner.reset();
  release.join();
  CHECK(it.error_of(sent.front()) == errc::unavailable); // it ran
  for (auto each : sent)
    CHECK(it.is_answered(each));
}
