#include "tally_service.hpp"

#include <atoll/core/state_runner.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

/// Flushes that a runner's thread writes while other threads apply commands and answer queries.
using namespace tally;

namespace {

/// What a runner tells its caller.
class progress {
 public:
  state_runner::callbacks calls() {
    return {[this](spi::log_index index, auto answers) {
              std::lock_guard lock{mutex_};
              applied_ = index;
              for (auto& [id, answer] : answers)
                answers_[id] = std::move(answer);
              changed_.notify_all();
            },
            [](auto) {},
            [this](spi::log_index) {
              std::lock_guard lock{mutex_};
              ++flushes_;
            },
            [this](const error&) {
              std::lock_guard lock{mutex_};
              has_failed_ = true;
              changed_.notify_all();
            }};
  }
  /// @returns false if the state failed
  bool wait_for(spi::log_index index) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return applied_ >= index || has_failed_; });
    return !has_failed_;
  }
  int flushes() {
    std::lock_guard lock{mutex_};
    return flushes_;
  }
  std::map<spi::request_id, std::string> answers() {
    std::lock_guard lock{mutex_};
    return answers_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  spi::log_index applied_ = 0;
  int flushes_ = 0;
  bool has_failed_ = false;
  std::map<spi::request_id, std::string> answers_; ///< by request
};

/// Of four commands three add to counts that stay; the fourth makes a short-lived count or removes
/// it, so that rows end before, during and after the flush that writes them.
class history {
 public:
  spi::committed_entry next() {
    auto number = index_++;
    auto is_short_lived = number % 4 == 3;
    auto name =
        is_short_lived ? fmt::format("t{}", number / 8 % 8) : fmt::format("a{}", number % 16);
    auto type = is_short_lived && number / 4 % 2 == 1 ? clear : add;
    if (type == add)
      answers_[index_] = encode_answer(std::string_view{std::to_string(++counts_[name])});
    else
      answers_[index_] = encode_answer(std::string_view{counts_.erase(name) ? "cleared" : "none"});
    return {index_, index_, false, entry_of(1, index_, type, name)};
  }
  spi::log_index index() const { return index_; }
  const std::map<spi::request_id, std::string>& answers() const { return answers_; }
  /// As a scan of all counts shows them.
  std::string text() const {
    std::string all;
    for (auto& [name, count] : counts_)
      all += fmt::format("c{}={} ", name, count);
    return all;
  }

 private:
  spi::log_index index_ = 0;
  std::map<std::string, std::uint64_t> counts_;
  std::map<spi::request_id, std::string> answers_;
};

/// The total of the counts that a scan shows.
std::uint64_t total(std::string_view scanned) {
  std::uint64_t sum = 0;
  for (auto at = scanned.find('='); at != std::string_view::npos; at = scanned.find('=', at + 1))
    sum += number(scanned.substr(at + 1));
  return sum;
}

/// Asks for a number that only grows, by a thread of its own.
class watching_reader {
 public:
  watching_reader(const replicated_state& state, std::string query)
      : thread_{[this, &state, what = std::move(query)] {
          while (!stopping_) {
            auto bytes = state.query(what);
            auto text = bytes ? decode_answer(*bytes).value_or("") : std::string{};
            auto seen = what.starts_with("scan") ? total(text) : number(text);
            has_fallen_ = has_fallen_ || !bytes || seen < last_;
            last_ = seen;
          }
        }} {}
  /// @returns whether the number ever fell, or wasn't answered
  bool stop() {
    stopping_ = true;
    thread_.join();
    return has_fallen_;
  }

 private:
  std::atomic<bool> stopping_ = false;
  bool has_fallen_ = false; ///< the thread's, until it has ended
  std::uint64_t last_ = 0;  ///< the thread's
  std::thread thread_;      ///< the last member, because the thread uses the others
};

std::unique_ptr<replicated_state> open_with_frequent_flushes(const std::filesystem::path& folder) {
  replicated_state::settings how;
  how.free_bytes_min = 0;
  how.unflushed_bytes_max = 4u << 10;
  auto opened = try_open(folder, logic::described(), how);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  return std::move(*opened);
}

} // namespace

TEST_CASE("commands and queries see every change while flushes write beside them") {
  constexpr int flushes = 30;
  constexpr std::size_t batch_max = 24; // small batches are applied by the caller, others aren't
  temporary_folder folder;
  history expected;
  progress told;
  auto state = open_with_frequent_flushes(folder / "state");
  {
    watching_reader scan{*state, "scan ca"};
    watching_reader look_up{*state, "a0"};
    {
      state_runner runner{*state, 1, told.calls()};
      auto is_intact = true;
      while (is_intact && told.flushes() < flushes) {
        auto before = expected.index();
        std::vector<spi::committed_entry> batch;
        for (auto size = 1 + before % batch_max; batch.size() < size;)
          batch.push_back(expected.next());
        runner.apply(std::move(batch));
        is_intact = told.wait_for(before); // the batch before this one
      }
      CHECK(is_intact);
      CHECK(told.wait_for(expected.index()));
    }
    CHECK_FALSE(scan.stop());
    CHECK_FALSE(look_up.stop());
  }
  CHECK(told.answers() == expected.answers());
  CHECK(ask(*state, "scan c") == expected.text());
  state.reset();
  state = open_with_frequent_flushes(folder / "state");
  CHECK(ask(*state, "scan c") == expected.text());
}
