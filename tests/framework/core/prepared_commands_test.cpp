#include <atoll/core/state_runner.hpp>

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// Which commands a runner has its state machine prepare.
using namespace atl;

namespace {

/// Notes the commands that it prepares; `hold` keeps the threads that prepare and the thread that
/// applies.
class noting_machine : public state_machine {
 public:
  spi::log_index applied() const override { return 0; }
  result<std::vector<std::string>> apply(std::span<const spi::committed_entry> entries) override {
    pass("apply");
    std::lock_guard lock{mutex};
    applied_entries += entries.size();
    changed.notify_all();
    return std::vector<std::string>(entries.size());
  }
  result<std::string> query(std::string_view) const override { return std::string{}; }
  bool can_apply_inline() const override { return false; }
  bool wants_prepare() const override { return wants; }
  void prepare(std::string_view command) const override {
    pass("prepare");
    note(command);
    if (command == "bad")
      throw std::runtime_error("out of luck");
  }
  std::optional<error> admission_check(std::string_view) const override { return std::nullopt; }
  result<spi::log_index> flush() override { return spi::log_index{0}; }
  result<spi::log_index> save(const std::filesystem::path&) override { return spi::log_index{0}; }
  result<spi::log_index> load(const std::filesystem::path&) override { return spi::log_index{0}; }

  void hold(const std::string& what) {
    std::lock_guard lock{mutex};
    held.insert(what);
  }
  void release(const std::string& what) {
    std::lock_guard lock{mutex};
    held.erase(what);
    changed.notify_all();
  }
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock{mutex};
    changed.wait(lock, condition);
  }

  bool wants = true; ///< before there is a runner
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  mutable std::set<std::string> prepared;
  mutable std::size_t times = 0;
  mutable std::size_t arrived = 0; ///< at the beginning of `prepare`
  std::size_t applied_entries = 0;

 private:
  void pass(const std::string& what) const {
    std::unique_lock lock{mutex};
    arrived += what == "prepare";
    changed.notify_all();
    changed.wait(lock, [&] { return !held.contains(what); });
  }
  void note(std::string_view command) const {
    std::lock_guard lock{mutex};
    prepared.emplace(command);
    ++times;
    changed.notify_all();
  }

  std::set<std::string> held;
};

state_runner::callbacks no_callbacks() {
  return {[](auto, auto) {}, [](auto) {}, [](auto) {}, [](const error&) {}};
}

spi::committed_entry entry(spi::log_index index, spi::request_id id, std::string command) {
  return {index, id, command.empty(), std::move(command)};
}

} // namespace

TEST_CASE("a proposed command is prepared by another thread, also after one that threw") {
  noting_machine machine;
  state_runner runner{machine, 1, no_callbacks()};
  for (int i = 0; i < 20; ++i)
    runner.prepare("bad");
  runner.prepare("good");
  machine.wait([&] { return machine.times == 21; });
  CHECK(machine.prepared == std::set<std::string>{"bad", "good"});
}

TEST_CASE("nothing is prepared while the state machine doesn't want it, and no large command is") {
  noting_machine machine;
  {
    state_runner runner{machine, 1, no_callbacks()};
    runner.prepare(std::string(1u << 20, 'x'));
    runner.prepare("small");
    machine.wait([&] { return machine.times == 1; });
  }
  machine.wants = false;
  {
    state_runner runner{machine, 1, no_callbacks()};
    runner.prepare("unwanted");
  }
  CHECK(machine.prepared == std::set<std::string>{"small"});
}

TEST_CASE(
    "entries that wait behind others are prepared, unless they were when they were proposed") {
  noting_machine machine;
  machine.hold("apply");
  state_runner runner{machine, 1, no_callbacks()};
  runner.apply({entry(1, 0, "first")}); // taken by the thread that applies, or waits for it
  runner.apply({entry(2, 7, "proposed here"), entry(3, 0, "of another"), entry(4, 0, "")});
  runner.apply({entry(5, 0, "last")});
  machine.wait(
      [&] { return machine.prepared.contains("last") && machine.prepared.contains("of another"); });
  CHECK_FALSE(machine.prepared.contains("proposed here"));
  CHECK_FALSE(machine.prepared.contains(""));
  machine.release("apply");
  machine.wait([&] { return machine.applied_entries == 5; });
}

TEST_CASE("of more commands than can be prepared the oldest are dropped, and applying goes on") {
  noting_machine machine;
  machine.hold("prepare");
  state_runner runner{machine, 1, no_callbacks()};
  for (int i = 0; i < 100; ++i) // until each thread has one
    runner.prepare("early");
  machine.wait([&] { return machine.arrived == 8; });
  constexpr std::size_t many = 20'000;
  for (std::size_t i = 0; i < many; ++i)
    runner.prepare(std::to_string(i));
  runner.apply({entry(1, 1, "x")});
  machine.wait([&] { return machine.applied_entries == 1; });
  machine.release("prepare");
  machine.wait([&] { return machine.times == 8 + 4096; });
  CHECK(machine.prepared.contains(std::to_string(many - 1)));
  CHECK_FALSE(machine.prepared.contains("0"));
}

TEST_CASE("a runner that stops waits for the command that is prepared, and drops the others") {
  noting_machine machine;
  machine.hold("prepare");
  std::optional<state_runner> runner;
  runner.emplace(machine, 1, no_callbacks());
  for (int i = 0; i < 100; ++i)
    runner->prepare("early");
  machine.wait([&] { return machine.arrived == 8; });
  std::thread stopping{[&] { runner.reset(); }};
  machine.release("prepare");
  stopping.join();
  CHECK(machine.times >= 8);
  CHECK(machine.times <= 100);
}
