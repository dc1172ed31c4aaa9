#include <atoll/core/state_runner.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

using namespace atl;

namespace {

/// Counts applied entries; fails at an index of the test's choice.
class counting_machine : public state_machine {
 public:
  explicit counting_machine(spi::log_index breaks_at = 0) : breaks_at_{breaks_at} {}

  spi::log_index applied() const override { return applied_; }
  result<std::vector<std::string>> apply(std::span<const spi::committed_entry> entries) override {
    std::vector<std::string> answers;
    applier = std::this_thread::get_id();
    for (auto& entry : entries) {
      if (entry.index == breaks_at_)
        return fail(errc::io, "the disk broke");
      applied_ = entry.index;
      answers.push_back("did " + entry.command);
    }
    return answers;
  }
  result<std::string> query(std::string_view query) const override {
    if (query == "a damaged row")
      return fail(errc::corrupt, "it can't be read");
    return std::string{query} + " at " + std::to_string(applied_);
  }
  std::optional<std::string> try_query_in_memory(std::string_view query) const override {
    return query == "quick" ? std::optional{*this->query(query)} : std::nullopt;
  }
  bool can_apply_inline() const override { return quick; }
  std::optional<error> admission_check(std::string_view) const override { return std::nullopt; }
  result<spi::log_index> flush() override { return flushed_ = applied_.load(); }
  bool flush_due() const override { return applied_ >= flushed_ + 100; }
  result<spi::log_index> save(const std::filesystem::path&) override { return applied_.load(); }
  status check_saved(const std::filesystem::path& folder) const override {
    if (folder == "damaged")
      return fail(errc::corrupt, "a block can't be read");
    if (folder == "gone")
      return fail(errc::io, "no such folder");
    return {};
  }
  result<spi::log_index> load(const std::filesystem::path&) override {
    return fail(errc::corrupt, "no state at all");
  }

  bool quick = true;       ///< before there is a runner
  std::thread::id applier; ///< the thread that applied the last entries

 private:
  std::atomic<spi::log_index> applied_{0};
  std::atomic<spi::log_index> flushed_{0};
  spi::log_index breaks_at_;
};

struct observed {
  std::mutex mutex;
  std::condition_variable changed;
  spi::log_index applied = 0;
  spi::log_index flushed = 0;
  std::vector<std::pair<spi::request_id, std::string>> answers;
  std::vector<std::pair<spi::request_id, std::string>> queries;
  int batches = 0;
  std::vector<std::string> failures;

  state_runner::callbacks callbacks() {
    state_runner::callbacks calls;
    calls.applied = [this](auto index, auto list) {
      note([&] {
        applied = index;
        ++batches;
        answers.insert(answers.end(), list.begin(), list.end());
      });
    };
    calls.answered = [this](auto list) {
      note([&] { queries.insert(queries.end(), list.begin(), list.end()); });
    };
    calls.flushed = [this](auto index) { note([&] { flushed = index; }); };
    calls.failed = [this](auto& problem) { note([&] { failures.push_back(problem.message); }); };
    return calls;
  }
  template <class Change>
  void note(Change change) {
    std::lock_guard lock{mutex};
    change();
    changed.notify_all();
  }
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock{mutex};
    changed.wait(lock, condition);
  }
};

spi::committed_entry entry(spi::log_index index, spi::request_id id, std::string command) {
  return {index, id, false, std::move(command)};
}

} // namespace

TEST_CASE("entries are applied in order, and only local proposals get responses") {
  counting_machine machine;
  observed seen;
  state_runner runner{machine, 2, seen.callbacks()};
  runner.apply({entry(1, 11, "a"), entry(2, 0, "b")});
  runner.apply({entry(3, 13, "c")});
  seen.wait([&] { return seen.applied == 3; });
  REQUIRE(seen.answers.size() == 2);
  CHECK(seen.answers[0] == std::pair<spi::request_id, std::string>{11, "did a"});
  CHECK(seen.answers[1] == std::pair<spi::request_id, std::string>{13, "did c"});
  runner.flush();
  seen.wait([&] { return seen.flushed == 3; });
}

TEST_CASE("waiting entries are applied in one batch, in order with other tasks") {
  counting_machine machine;
  observed seen;
  spi::log_index saved = 0;
  {
    state_runner runner{machine, 1, seen.callbacks()};
    std::mutex hold;
    hold.lock();
    runner.load("", [&](auto) { std::lock_guard wait{hold}; });
    for (spi::log_index at = 1; at <= 50; ++at)
      runner.apply({entry(at, at, "c")});
    runner.save("", [&](auto index) { seen.note([&] { saved = *index; }); });
    runner.apply({entry(51, 51, "c")});
    hold.unlock();
    seen.wait([&] { return seen.applied == 51 && saved != 0; });
  }
  CHECK(saved == 50);
  CHECK(seen.batches == 2);
  CHECK(seen.answers.size() == 51);
}

TEST_CASE("a few entries are applied before the call returns when the runner is idle") {
  counting_machine machine;
  observed seen;
  state_runner runner{machine, 1, seen.callbacks()};
  runner.apply({entry(1, 1, "a"), entry(2, 2, "b")});
  {
    std::lock_guard lock{seen.mutex};
    CHECK(seen.applied == 2);
    CHECK(seen.answers.size() == 2);
  }
  std::mutex hold;
  hold.lock();
  runner.load("", [&](auto) { std::lock_guard wait{hold}; });
  runner.apply({entry(3, 3, "c")}); // queued after the running task
  {
    std::lock_guard lock{seen.mutex};
    CHECK(seen.applied == 2);
  }
  hold.unlock();
  seen.wait([&] { return seen.applied == 3; });
}

TEST_CASE("entries that may need the disk are applied by another thread") {
  counting_machine machine;
  machine.quick = false;
  observed seen;
  state_runner runner{machine, 1, seen.callbacks()};
  runner.apply({entry(1, 1, "a")});
  seen.wait([&] { return seen.applied == 1; });
  CHECK(machine.applier != std::this_thread::get_id());
}

TEST_CASE("a short query is answered before the call returns when the runner is idle") {
  counting_machine machine;
  observed seen;
  state_runner runner{machine, 1, seen.callbacks()};
  runner.query({{1, "quick"}});
  {
    std::lock_guard lock{seen.mutex};
    CHECK(seen.queries.size() == 1);
  }
  runner.query({{10, "slow"}, {11, "quick"}});
  {
    std::lock_guard lock{seen.mutex};
    REQUIRE(seen.queries.size() >= 2);
    CHECK(seen.queries[1].first == 11);
  }
  seen.wait([&] { return seen.queries.size() == 3; });
  std::mutex hold;
  hold.lock();
  runner.load("", [&](auto) { std::lock_guard wait{hold}; });
  runner.query({{2, "quick"}}); // now left to a reader thread
  seen.wait([&] { return seen.queries.size() == 4; });
  hold.unlock();
}

TEST_CASE("a state with too much data in memory only is flushed") {
  counting_machine machine;
  observed seen;
  state_runner runner{machine, 1, seen.callbacks()};
  for (spi::log_index at = 1; at <= 250; ++at)
    runner.apply({entry(at, 0, "c")});
  seen.wait([&] { return seen.applied == 250 && seen.flushed >= 150; });
}

TEST_CASE("queries are answered") {
  counting_machine machine;
  observed seen;
  state_runner runner{machine, 2, seen.callbacks()};
  runner.query({{7, "what"}});
  seen.wait([&] { return seen.queries.size() == 1; });
  CHECK(seen.queries[0] == std::pair<spi::request_id, std::string>{7, "what at 0"});
  std::vector<state_runner::query_request> many;
  for (spi::request_id id = 100; id < 200; ++id)
    many.push_back({id, fmt::format("q{}", id)});
  runner.query(many);
  seen.wait([&] { return seen.queries.size() == 101; });
  std::sort(seen.queries.begin() + 1, seen.queries.end());
  for (std::size_t i = 0; i < many.size(); ++i)
    CHECK(seen.queries[i + 1] == std::pair{many[i].id, many[i].text + " at 0"});
}

namespace {

/// A machine whose flushes end when the test lets them.
class slowly_flushing_machine final : public counting_machine {
 public:
  std::function<status()> begin_flush() override {
    flushing_ = applied();
    ++begun;
    return [this]() -> status {
      std::lock_guard wait{disk};
      if (breaks)
        return fail(errc::io, "the disk broke");
      return {};
    };
  }
  result<spi::log_index> end_flush(const status& written) override {
    if (!written)
      return tl::unexpected{written.error()};
    return flushing_;
  }
  result<spi::log_index> save(const std::filesystem::path&) override {
    saved_during_flush = !disk.try_lock();
    if (!saved_during_flush)
      disk.unlock();
    return applied();
  }

  std::mutex disk; ///< held: writing waits
  std::atomic<bool> breaks = false;
  std::atomic<int> begun = 0;
  bool saved_during_flush = false;

 private:
  spi::log_index flushing_ = 0;
};

} // namespace

TEST_CASE("entries are applied while a flush writes, and copies wait for it") {
  slowly_flushing_machine machine;
  observed seen;
  auto is_saved = false;
  state_runner runner{machine, 1, seen.callbacks()};
  runner.apply({entry(1, 1, "a")});
  machine.disk.lock();
  runner.flush();
  for (spi::log_index at = 2; at <= 20; ++at)
    runner.apply({entry(at, at, "b")});
  seen.wait([&] { return seen.applied == 20; });
  CHECK(seen.flushed == 0);
  CHECK(machine.begun == 1);
  auto done = [&](auto) { seen.note([&] { is_saved = true; }); };
  SUBCASE("for other replicas") {
    runner.save("", done);
  }
  SUBCASE("for this process") {
    runner.copy("", done);
  }
  machine.disk.unlock();
  seen.wait([&] { return is_saved; });
  CHECK(seen.flushed == 1);
  CHECK_FALSE(machine.saved_during_flush);
  runner.flush();
  seen.wait([&] { return seen.flushed == 20; });
}

TEST_CASE("a flush waits for the one before it, so that a slow disk slows commands down") {
  slowly_flushing_machine machine;
  observed seen;
  state_runner runner{machine, 1, seen.callbacks()};
  machine.disk.lock();
  runner.flush();
  runner.apply({entry(1, 1, "a")});
  seen.wait([&] { return seen.applied == 1; });
  runner.flush();
  runner.flush();
  runner.apply({entry(2, 2, "b")});
  CHECK(machine.begun == 1);
  machine.disk.unlock();
  seen.wait([&] { return seen.applied == 2; });
  seen.wait([&] { return seen.flushed == 1; });
}

TEST_CASE("a flush that can't write ends the replica, whenever it is noticed") {
  slowly_flushing_machine machine;
  machine.breaks = true;
  observed seen;
  state_runner runner{machine, 1, seen.callbacks()};
  runner.flush();
  seen.wait([&] { return !seen.failures.empty(); });
  runner.apply({entry(1, 1, "a")});
  auto done = false;
  runner.save("", [&](auto) { seen.note([&] { done = true; }); });
  seen.wait([&] { return done; });
  CHECK(seen.applied == 0);
  CHECK(seen.failures == std::vector<std::string>{"the disk broke"});
}

TEST_CASE("a runner that ends waits for a flush that writes") {
  slowly_flushing_machine machine;
  observed seen;
  machine.disk.lock();
  auto runner = std::make_unique<state_runner>(machine, 1, seen.callbacks());
  runner->flush();
  while (machine.begun == 0)
    std::this_thread::yield();
  std::thread end{[&] { runner.reset(); }};
  machine.disk.unlock();
  end.join();
  CHECK(machine.disk.try_lock());
  machine.disk.unlock();
}

TEST_CASE("after the state failed, nothing more is applied or flushed, and the failure is "
          "reported once") {
  counting_machine machine{2};
  observed seen;
  state_runner runner{machine, 1, seen.callbacks()};
  runner.apply({entry(1, 0, "a")});
  seen.wait([&] { return seen.applied == 1; });
  runner.apply({entry(2, 0, "b")});
  runner.apply({entry(3, 0, "c")});
  runner.flush();
  auto done = false; // the writer thread runs tasks in order: after this task, all are done
  runner.save("", [&](auto) { seen.note([&] { done = true; }); });
  seen.wait([&] { return done; });
  CHECK(seen.applied == 1);
  CHECK(seen.flushed == 0);
  CHECK(seen.failures == std::vector<std::string>{"the disk broke"});
}

TEST_CASE("a state that can't be read any more is reported, and the query stays unanswered") {
  counting_machine machine;
  observed seen;
  state_runner runner{machine, 2, seen.callbacks()};
  runner.query({{1, "a damaged row"}});
  seen.wait([&] { return !seen.failures.empty(); });
  CHECK(seen.failures.front() == "it can't be read");
  CHECK(seen.queries.empty());
}

TEST_CASE("a saved state that is damaged is not sent, and the damage is reported") {
  counting_machine machine;
  observed seen;
  state_runner runner{machine, 1, seen.callbacks()};
  std::string why;
  auto note_why = [&](auto saved) {
    seen.note([&] { why = saved ? "none" : saved.error().message; });
  };
  auto save = [&](const char* folder) {
    why.clear();
    runner.save(folder, note_why);
    seen.wait([&] { return !why.empty(); });
  };
  save("whole");
  CHECK(why == "none");
  save("gone"); // a state that can't be written is not a damaged state
  CHECK(why == "no such folder");
  CHECK(seen.failures.empty());
  save("damaged");
  CHECK(why == "a block can't be read");
  CHECK(seen.failures == std::vector<std::string>{"a block can't be read"});
}

TEST_CASE("a copy has the entries that waited before it, and isn't read") {
  counting_machine machine;
  observed seen;
  std::optional<spi::log_index> copied;
  {
    state_runner runner{machine, 1, seen.callbacks()};
    std::mutex hold;
    hold.lock();
    runner.load("", [&](auto) { std::lock_guard wait{hold}; });
    runner.apply({entry(1, 1, "c"), entry(2, 2, "c")});
    runner.copy("damaged", [&](auto index) { seen.note([&] { copied = index.value_or(0); }); });
    runner.apply({entry(3, 3, "c")});
    hold.unlock();
    seen.wait([&] { return copied && seen.applied == 3; });
  }
  CHECK(copied == 2);
  CHECK(seen.failures.empty());
}
