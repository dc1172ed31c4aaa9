#include "fake_group.hpp"

#include <atoll/core/pool_metrics.hpp>
#include <atoll/runtime/dispatcher.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace atl;
using namespace atl::runtime;
using namespace atl::runtime::testing;
using namespace std::chrono_literals;

namespace {

constexpr auto work_kind = message_kind::application;

/// Picks the first member that it may, from the one with the number of the key on.
class first_balancer final : public spi::balancer {
 public:
  std::atomic<bool> throws{false};

  /// The next pick waits until it is let go.
  void hold() { state_ = state::holds; }
  void wait_until_held() { state_.wait(state::holds); }
  void let_go() {
    state_ = state::open;
    state_.notify_all();
  }

  void update(std::span<const spi::member>) override {}
  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
    if (throws)
      throw std::runtime_error{"no idea"};
    if (auto holds = state::holds; state_.compare_exchange_strong(holds, state::held)) {
      state_.notify_all();
      state_.wait(state::held);
    }
    for (auto who = static_cast<spi::slot>(request.key); who < facts.available.size(); ++who)
      if (facts.available[who] != 0 && std::ranges::find(request.tried, who) == request.tried.end())
        return who;
    return spi::no_slot;
  }

 private:
  enum class state { open, holds, held };
  std::atomic<state> state_{state::open};
};

/// A worker that answers its name and what it got, or holds its answers until a test lets them go.
class test_worker {
 public:
  test_worker(caf::actor_system& actors, std::string name, bool holds = false)
      : name_{std::move(name)} {
    actor_ = actors.spawn([this, holds](caf::event_based_actor* self) -> caf::behavior {
      return {[this, self, holds](envelope& message) -> caf::result<envelope> {
                ++arrived;
                auto promise = self->make_response_promise<envelope>();
                auto answer = make_reply({name_ + " " + message.body, {}, false});
                if (holds)
                  held_.emplace_back(promise, answer);
                else
                  promise.deliver(std::move(answer));
                arrived.notify_all();
                return promise;
              },
              [this](std::uint64_t) {
                for (auto& [promise, answer] : std::exchange(held_, {}))
                  promise.deliver(std::move(answer));
              }};
    });
  }
  ~test_worker() {
    kill();
    caf::scoped_actor self{actor_.home_system()};
    self->wait_for(actor_);
  }
  void kill() { caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown); }
  void let_go() { caf::anon_send(actor_, std::uint64_t{1}); }
  void wait_for(int count) {
    for (auto now = arrived.load(); now < count; now = arrived.load())
      arrived.wait(now);
  }
  const caf::actor& actor() const { return actor_; }

  std::atomic<int> arrived{0};

 private:
  std::string name_;
  std::vector<std::pair<caf::typed_response_promise<envelope>, envelope>> held_;
  caf::actor actor_;
};

/// A node with the role `worker`.
struct worker_node {
  explicit worker_node(const std::string& name, bool holds = false) : worker{*actors, name, holds} {
    auto role = role_named("worker");
    endpoint_ = spawn_on_io_thread<node_endpoint_actor>(
        *actors, node_endpoint_actor::settings{describe(named(name), {role}),
                                               {{role, nullptr, worker.actor()}}});
    auto published = actors.publish(endpoint_, {"127.0.0.1", 0});
    REQUIRE(published.has_value());
    where = *published;
  }
  ~worker_node() { kill(); }
  /// As a process that ends.
  void kill() {
    actors.disconnect();
    caf::anon_send_exit(endpoint_, caf::exit_reason::user_shutdown);
  }
  runtime::system actors{1};
  test_worker worker;
  endpoint where;

 private:
  caf::actor endpoint_;
};

struct fixture {
  explicit fixture(dispatch_options options = {}, std::chrono::microseconds deadline = 20s) {
    dispatcher::settings settings;
    settings.name = "jobs";
    settings.balancer = balancer;
    settings.balancer_name = "first";
    settings.options = options;
    settings.deadline = deadline;
    settings.connections = connections;
    pool = std::make_unique<dispatcher>(actors, std::move(settings));
  }

  void add(const test_worker& it, std::string name = "local") {
    list.push_back({list.size() + 1, std::move(name), {}, 1, it.actor()});
    pool->set_workers(list);
  }
  void add(const worker_node& it) {
    list.push_back({list.size() + 1, "remote", {}, 1, nullptr, it.where, "worker"});
    pool->set_workers(list);
    wait_until([n = list.size()](const auto& status) { return status.load.available == n; });
  }
  template <class Condition>
  void wait_until(Condition holds) {
    while (!holds(pool->status()))
      std::this_thread::yield();
  }

  runtime::system actors{2};
  std::shared_ptr<peer_connections> connections =
      std::make_shared<peer_connections>(*actors, describe(named("requester")), quick(), 1);
  std::shared_ptr<first_balancer> balancer = std::make_shared<first_balancer>();
  std::unique_ptr<dispatcher> pool;
  std::vector<dispatcher_worker> list;
};

/// A request, a one-way message or a job, and what becomes of it.
enum class way { request, one_way, job };
std::future<result<std::string>> send(dispatcher& pool, way how, dispatch_terms terms) {
  auto outcome = std::make_shared<std::promise<result<std::string>>>();
  auto done = [outcome](auto it) { outcome->set_value(std::move(it)); };
  if (how == way::request)
    pool.ask(work_kind, "dig", terms, done);
  else if (how == way::job)
    pool.defer(work_kind, "dig", terms, nullptr, done);
  else
    pool.tell(work_kind, "dig", terms);
  return outcome->get_future();
}

dispatch_terms repeatable() {
  dispatch_terms terms;
  terms.repeatable = true;
  return terms;
}

} // namespace

TEST_CASE("a dispatcher hands threads' and actors' requests to local and remote workers") {
  fixture it;
  test_worker local{*it.actors, "local"};
  worker_node remote{"node-2"};
  it.add(local);
  CHECK(it.pool->ask(work_kind, "hello") == "local hello");
  it.add(remote);
  CHECK(it.pool->ask(work_kind, "hello") == "local hello");
  local.kill();
  it.wait_until([](const auto& status) { return status.load.available == 1; });
  CHECK(it.pool->ask(work_kind, "hello") == "node-2 hello");

  caf::scoped_actor self{*it.actors};
  auto expect = [&](auto message, const std::string& expected) {
    self->request(it.pool->actor(), caf::infinite, std::move(message))
        .receive([&](const envelope& got) { CHECK(decode_reply(got.body).value == expected); },
                 [](const caf::error&) { FAIL("no answer"); });
  };
  expect(envelope{work_kind, 0, "plain"}, "node-2 plain");
  expect(dispatch_call{{work_kind, 0, "call"}, {}}, "node-2 call");
  expect(dispatch_job{{work_kind, 0, "job"}, {}}, "node-2 job");
}

TEST_CASE("jobs are accepted first, and their end is notified, also by another node") {
  for (auto is_remote : {false, true}) {
    fixture it;
    test_worker local{*it.actors, "local", true};
    worker_node remote{"node-2", true};
    auto& worker = is_remote ? remote.worker : local;
    if (is_remote)
      it.add(remote);
    else
      it.add(local);
    std::promise<void> accepted;
    std::promise<result<std::string>> done;
    it.pool->defer(
        work_kind, "dig", {}, [&] { accepted.set_value(); },
        [&](auto outcome) { done.set_value(std::move(outcome)); });
    accepted.get_future().wait();
    worker.wait_for(1);
    auto outcome = done.get_future();
    CHECK(outcome.wait_for(0s) == std::future_status::timeout);
    worker.let_go();
    CHECK(outcome.get() == std::string{is_remote ? "node-2 dig" : "local dig"});
  }
}

TEST_CASE("whenever a worker is killed, its requests end: elsewhere, or with what is known") {
  for (auto is_remote : {false, true})
    for (auto how : {way::request, way::one_way, way::job}) {
      CAPTURE(is_remote);
      CAPTURE(static_cast<int>(how));
      fixture it;
      auto local = std::make_unique<test_worker>(*it.actors, "local", true);
      auto remote = std::make_unique<worker_node>("node-2", true);
      test_worker other{*it.actors, "other"};
      auto& first = is_remote ? remote->worker : *local;
      if (is_remote)
        it.add(*remote);
      else
        it.add(*local);
      it.add(other, "other");

      // After: the answer stands.
      auto answered = send(*it.pool, how, {});
      first.wait_for(1);
      first.let_go();
      if (how != way::one_way)
        CHECK(answered.get() == std::string{is_remote ? "node-2 dig" : "local dig"});
      it.wait_until([](const auto& status) { return status.counters.answered == 1; });

      // During: only what may be repeated is repeated.
      auto once = send(*it.pool, how, {});
      auto again = send(*it.pool, how, repeatable());
      first.wait_for(3);
      if (is_remote)
        remote->kill();
      else
        local->kill();
      if (how != way::one_way) {
        CHECK(again.get() == "other dig");
        auto failed = once.get();
        REQUIRE_FALSE(failed.has_value());
        CHECK(failed.error().code == errc::timeout); // it may have been done
      }
      it.wait_until([](const auto& status) { return status.load.requests == 0; });
      CHECK(it.pool->status().counters.failed == 1);
      CHECK(other.arrived == 1);

      // Before: it isn't sent there, once the end is known.
      it.wait_until([](const auto& status) { return status.load.available == 1; });
      auto elsewhere = send(*it.pool, how, {});
      other.wait_for(2);
      if (how != way::one_way)
        CHECK(elsewhere.get() == "other dig");
    }
}

TEST_CASE("a node that comes back, and an actor that replaces another one, get requests again") {
  fixture it;
  auto first = std::make_unique<test_worker>(*it.actors, "first");
  it.add(*first);
  first.reset();
  it.wait_until([](const auto& status) { return status.load.available == 0; });
  CHECK(it.pool->ask(work_kind, "hello").error().message == "none of the 1 workers is available");
  test_worker second{*it.actors, "second"};
  it.list[0].local = second.actor();
  it.pool->set_workers(it.list);
  CHECK(it.pool->ask(work_kind, "hello") == "second hello");
}

TEST_CASE("a worker that was replaced takes its requests along, and its end says nothing of the "
          "new one") {
  fixture it;
  auto first = std::make_unique<test_worker>(*it.actors, "first", true);
  it.add(*first);
  auto held = send(*it.pool, way::request, {});
  first->wait_for(1);
  test_worker second{*it.actors, "second"};
  it.list[0].local = second.actor();
  it.pool->set_workers(it.list);
  CHECK(held.get().error() == error{errc::timeout, "the worker was replaced"});
  first.reset();
  CHECK(it.pool->ask(work_kind, "hello") == "second hello");
  CHECK(it.pool->status().load.available == 1);
}

TEST_CASE("a worker that replaces an ejected one begins with a clean record") {
  dispatch_options options;
  options.outliers.failures = 1;
  fixture it{options};
  test_worker other{*it.actors, "other"};
  auto first = std::make_unique<test_worker>(*it.actors, "first", true);
  it.add(*first, "first");
  it.add(other, "other");
  auto lost = send(*it.pool, way::request, {});
  first->wait_for(1);
  first.reset();
  CHECK(lost.get().error().code == errc::timeout);
  CHECK(it.pool->status().load.ejected == 1);
  test_worker second{*it.actors, "second"};
  it.list[0].local = second.actor();
  it.pool->set_workers(it.list);
  CHECK(it.pool->status().load.ejected == 0);
  CHECK(it.pool->ask(work_kind, "hello") == "second hello");
}

TEST_CASE("a list that makes no sense doesn't end what is under way") {
  fixture it;
  test_worker first{*it.actors, "first", true};
  test_worker second{*it.actors, "second"};
  it.add(first);
  auto held = send(*it.pool, way::request, {});
  first.wait_for(1);
  auto wrong = it.list;
  wrong[0].local = second.actor();
  wrong.push_back(wrong[0]); // an id twice
  it.pool->set_workers(wrong);
  CHECK(it.pool->status().load.in_flight == 1);
  first.let_go();
  CHECK(held.get() == "first dig");
}

TEST_CASE("a job's end counts once, whatever the number of workers at its node") {
  fixture it;
  worker_node remote{"node-2"};
  it.add(remote);
  it.add(remote);
  CHECK(send(*it.pool, way::job, {}).get() == "node-2 dig");
  CHECK(send(*it.pool, way::job, {}).get() == "node-2 dig");
  CHECK(it.pool->status().counters.late_answers == 0);
}

TEST_CASE("requests have the dispatcher's deadline, and jobs have none") {
  fixture it{{}, 5ms};
  test_worker slow{*it.actors, "slow", true};
  it.add(slow);
  auto job = send(*it.pool, way::job, {});
  slow.wait_for(1);
  CHECK(it.pool->ask(work_kind, "dig").error().code == errc::timeout);
  dispatch_terms endless;
  endless.deadline = std::chrono::microseconds::max();
  auto patient = send(*it.pool, way::request, endless);
  // The request whose deadline was over may have arrived, too.
  for (auto* each : {&job, &patient})
    while (each->wait_for(1ms) == std::future_status::timeout)
      slow.let_go();
  CHECK(job.get() == "slow dig");
  CHECK(patient.get() == "slow dig");
}

TEST_CASE("a request's key reaches the balancer") {
  fixture it;
  test_worker first{*it.actors, "first"};
  test_worker second{*it.actors, "second"};
  it.add(first);
  it.add(second);
  dispatch_terms terms;
  terms.key = 1;
  CHECK(it.pool->ask(work_kind, "dig", terms) == "second dig");
}

TEST_CASE("a request for some of the workers goes to these, at other nodes too") {
  fixture it;
  test_worker local{*it.actors, "local"};
  worker_node remote{"node-2"};
  it.add(local);
  it.add(remote);
  dispatch_terms terms;
  terms.among = {2};
  CHECK(it.pool->ask(work_kind, "hello", terms) == "node-2 hello");
  terms.among = {1};
  CHECK(it.pool->ask(work_kind, "hello", terms) == "local hello");
  terms.among = {3};
  CHECK(it.pool->ask(work_kind, "hello", terms) ==
        tl::unexpected{error{errc::unavailable, "the workers of the request aren't in the pool"}});
}

TEST_CASE("the kind of a worker's error says whether another worker may be asked") {
  struct answer {
    errc code;
    bool in_doubt;
    bool is_repeatable;
    bool goes_elsewhere;
  };
  for (auto [code, in_doubt, is_repeatable, goes_elsewhere] : {
           answer{errc::not_found, false, true, false},
           answer{errc::busy, false, false, true},
           answer{errc::unavailable, false, false, true},
           answer{errc::unavailable, true, false, false},
           answer{errc::not_found, true, true, true},
           answer{errc::corrupt, false, true, true},
           answer{errc::internal, false, false, false},
       }) {
    CAPTURE(to_string(code));
    CAPTURE(in_doubt);
    fixture it;
    auto failing = it.actors->spawn([code, in_doubt](caf::event_based_actor*) -> caf::behavior {
      return {[code, in_doubt](envelope&) { return make_reply({fail(code, "no"), {}, in_doubt}); }};
    });
    test_worker other{*it.actors, "other"};
    it.list.push_back({1, "failing", {}, 1, failing});
    it.add(other, "other");
    auto outcome = it.pool->ask(work_kind, "dig", is_repeatable ? repeatable() : dispatch_terms{});
    CHECK(outcome.has_value() == goes_elsewhere);
    caf::anon_send_exit(failing, caf::exit_reason::user_shutdown);
  }
}

TEST_CASE("an actor is told when its request may have been done") {
  fixture it;
  test_worker worker{*it.actors, "local", true};
  it.add(worker);
  caf::scoped_actor self{*it.actors};
  auto waiting = self->request(it.pool->actor(), caf::infinite, envelope{work_kind, 0, "dig"});
  worker.wait_for(1);
  worker.kill();
  waiting.receive([](const envelope& got) { CHECK(decode_reply(got.body).in_doubt); },
                  [](const caf::error&) { FAIL("no answer"); });
}

TEST_CASE("dispatchers that share a connection don't take each other's jobs") {
  fixture it;
  worker_node remote{"node-2"};
  it.add(remote);
  dispatcher::settings settings;
  settings.name = "other";
  settings.balancer = std::make_shared<first_balancer>();
  settings.connections = it.connections;
  dispatcher other{it.actors, std::move(settings)};
  other.set_workers(it.list);
  while (other.status().load.available == 0)
    std::this_thread::yield();
  CHECK(send(*it.pool, way::job, {}).get() == "node-2 dig");
  CHECK(send(other, way::job, {}).get() == "node-2 dig");
  CHECK(it.connections->size() == 1);
  CHECK(other.status().counters.late_answers == 0);
  CHECK(it.pool->status().counters.late_answers == 0);
}

TEST_CASE("a flood fills the queue and no more") {
  dispatch_options options;
  options.worker_requests_max = 2;
  options.queue.requests_max = 10;
  fixture it{options};
  test_worker slow{*it.actors, "slow", true};
  it.add(slow);
  constexpr int flood = 20'000;
  std::atomic<int> answered{0}, refused{0};
  for (int i = 0; i < flood; ++i)
    it.pool->ask(work_kind, std::string(100, 'x'), {}, [&](auto outcome) {
      if (outcome)
        ++answered;
      else if (outcome.error().code == errc::busy)
        ++refused;
    });
  it.wait_until([](const auto& status) { return status.counters.requests == flood; });
  auto load = it.pool->status().load;
  CHECK(load.requests == 12);
  CHECK(load.queued == 10);
  CHECK(load.queued_bytes == 1000);
  slow.wait_for(2);
  CHECK(slow.arrived == 2);
  CHECK(refused == flood - 12);
  for (int sent = 2; sent <= 12; ++sent) {
    slow.wait_for(std::min(sent, 12));
    slow.let_go();
  }
  it.wait_until([&](const auto& status) {
    slow.let_go();
    return status.load.requests == 0;
  });
  CHECK(answered == 12);
}

TEST_CASE("while a balancer hangs, requests that arrive are bounded, and further ones refused") {
  fixture it;
  test_worker worker{*it.actors, "local"};
  auto gate = std::make_shared<first_balancer>();
  dispatcher::settings settings;
  settings.name = "narrow";
  settings.balancer = gate;
  settings.balancer_name = "first";
  settings.arrivals_max = 100;
  settings.arrivals_bytes_max = 50'000;
  dispatcher narrow{it.actors, std::move(settings)};
  narrow.set_workers({{1, "local", {}, 1, worker.actor()}});
  CHECK(narrow.ask(work_kind, "hello") == "local hello");
  gate->hold();
  std::atomic<int> answered{0}, refused{0};
  auto ask = [&](std::size_t bytes) {
    narrow.ask(work_kind, std::string(bytes, 'x'), {}, [&](auto outcome) {
      ++(outcome ? answered : refused);
      if (!outcome)
        CHECK(outcome.error() == error{errc::busy, "too many requests have arrived that the "
                                                   "dispatcher 'narrow' hasn't taken yet; try "
                                                   "again later"});
    });
  };
  ask(1);
  gate->wait_until_held(); // the actor is in the balancer, and takes nothing
  for (int i = 0; i < 20'000; ++i)
    ask(100);
  CHECK(refused == 19'900);
  // An actor's requests, and messages that want no answer, are refused like those of threads.
  caf::scoped_actor self{*it.actors};
  auto request = self->request(narrow.actor(), caf::infinite, envelope{work_kind, 0, "dig"});
  request.receive(
      [](const envelope& answer) {
        CHECK(decode_reply(answer.body).value.error().code == errc::busy);
      },
      [](const caf::error&) { CHECK(false); });
  caf::anon_send(narrow.actor(), dispatch_call{{work_kind, 0, "dig"}, {}});
  gate->let_go();
  while (answered < 101)
    std::this_thread::yield();
  CHECK(narrow.ask(work_kind, "again") == "local again");
  auto status = narrow.status();
  CHECK(status.turned_away == 19'902);
  CHECK(status.counters.requests == 103);
  CHECK(describe(status).ends_with("; 19902 turned away on arrival"));
  gate->hold();
  ask(1);
  gate->wait_until_held();
  for (int i = 0; i < 10; ++i)
    ask(20'000); // two have room
  CHECK(refused == 19'908);
  gate->let_go();
  while (answered < 104)
    std::this_thread::yield();
}

TEST_CASE("an actor that leaves the list and comes back again and again is watched once") {
  fixture it;
  test_worker worker{*it.actors, "local"};
  it.add(worker);
  CHECK(it.pool->ask(work_kind, "hello") == "local hello");
  // Each watch of an actor has the address of the one that it tells.
  auto watches = [&] {
    REQUIRE(it.pool->status().counters.requests > 0); // all lists before were taken
    return caf::actor_cast<caf::actor_control_block*>(it.pool->actor())->weak_refs.load();
  };
  auto before = watches();
  for (int i = 0; i < 100; ++i) {
    it.pool->set_workers({});
    it.pool->set_workers(it.list);
  }
  CHECK(watches() < before + 10);
  CHECK(it.pool->ask(work_kind, "hello") == "local hello");
  worker.kill();
  it.wait_until([](const auto& status) { return status.load.available == 0; });
}

TEST_CASE("a request without terms may be repeated if the dispatcher says so") {
  for (auto is_repeatable : {false, true}) {
    fixture it;
    dispatcher::settings settings;
    settings.balancer = it.balancer;
    settings.repeatable = is_repeatable;
    dispatcher pool{it.actors, std::move(settings)};
    test_worker dying{*it.actors, "dying", true}, other{*it.actors, "other"};
    pool.set_workers({{1, "dying", {}, 1, dying.actor()}, {2, "other", {}, 1, other.actor()}});
    caf::scoped_actor self{*it.actors};
    auto request = self->request(pool.actor(), caf::infinite, envelope{work_kind, 0, "dig"});
    dying.wait_for(1);
    dying.kill();
    request.receive(
        [&](const envelope& answer) {
          CHECK(decode_reply(answer.body).value.has_value() == is_repeatable);
        },
        [](const caf::error&) { CHECK(false); });
  }
}

TEST_CASE("deadlines and hedges run by the clock") {
  dispatch_options options;
  options.hedge_after = 1ms;
  options.budget.per_second = options.budget.burst; // hedges need one that is a quarter full
  fixture it{options};
  test_worker stuck{*it.actors, "stuck", true};
  it.add(stuck);
  dispatch_terms terms;
  terms.deadline = 5ms;
  auto late = it.pool->ask(work_kind, "dig", terms);
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error() == error{errc::timeout, "no worker answered until the deadline"});
  test_worker other{*it.actors, "other"};
  it.add(other, "other");
  CHECK(it.pool->ask(work_kind, "dig", repeatable()) == "other dig");
  CHECK(it.pool->status().counters.hedges_won == 1);
}

TEST_CASE("what a dispatcher can't do has a clear error, and leaves nothing behind") {
  fixture it;
  CHECK(it.pool->ask(work_kind, "hello").error() ==
        error{errc::unavailable, "the pool has no workers; expected at least one"});
  test_worker worker{*it.actors, "local"};
  it.add(worker);
  auto large = it.pool->ask(work_kind, std::string(runtime::message_bytes_max, 'x'));
  REQUIRE_FALSE(large.has_value());
  CHECK(large.error().code == errc::invalid);
  it.balancer->throws = true;
  CHECK(it.pool->ask(work_kind, "hello").error() ==
        error{errc::internal, "the balancer plugin 'first' threw: no idea; choose another plugin, "
                              "or fix this one"});
  it.balancer->throws = false;
  it.list.push_back(it.list[0]);
  it.pool->set_workers(it.list); // an id twice: changes nothing
  CHECK(it.pool->ask(work_kind, "hello") == "local hello");
  auto status = it.pool->status();
  CHECK(status.load.requests == 0);
  CHECK(status.plugin_errors == 1);
  CHECK(status.workers.size() == 1);
}

TEST_CASE("closing a dispatcher ends its requests, and lets go of what it was made with") {
  dispatch_options options;
  options.worker_requests_max = 2;
  fixture it{options};
  test_worker stuck{*it.actors, "stuck", true};
  it.add(stuck);
  auto sent = send(*it.pool, way::request, {});
  stuck.wait_for(1);
  caf::scoped_actor self{*it.actors};
  auto of_actor = self->request(it.pool->actor(), caf::infinite, envelope{work_kind, 0, "dig"});
  stuck.wait_for(2);
  auto waiting = send(*it.pool, way::request, {});
  it.wait_until([](const auto& status) { return status.load.queued == 1; });
  std::weak_ptr<spi::balancer> balancer = std::exchange(it.balancer, nullptr);
  auto actor = it.pool->actor();
  it.pool.reset();
  constexpr auto text = "the dispatcher 'jobs' was closed";
  CHECK(sent.get().error() == error{errc::timeout, text}); // it may have been done
  CHECK(waiting.get().error() == error{errc::unavailable, text});
  of_actor.receive(
      [&](const envelope& got) {
        auto answer = decode_reply(got.body);
        CHECK(answer.value.error() == error{errc::unavailable, text});
        CHECK(answer.in_doubt);
      },
      [](const caf::error&) { FAIL("no answer"); });
  CHECK(balancer.expired());
}

TEST_CASE("no callback is called once a dispatcher is gone") {
  fixture it;
  test_worker stuck{*it.actors, "stuck", true};
  it.add(stuck);
  std::atomic<int> called{0};
  std::promise<void> entered, leave;
  auto may_leave = leave.get_future();
  it.pool->ask(work_kind, std::string(runtime::message_bytes_max, 'x'), {}, [&](auto) {
    entered.set_value();
    may_leave.wait();
    ++called;
  });
  for (int i = 0; i < 3; ++i)
    it.pool->ask(work_kind, "dig", {}, [&](auto) { ++called; });
  entered.get_future().wait();
  std::atomic<bool> is_closed{false};
  std::thread closing{[&] {
    it.pool.reset();
    is_closed = true;
  }};
  // Gives a destructor that doesn't wait the time to return.
  for (int i = 0; i < 10'000 && !is_closed; ++i)
    std::this_thread::yield();
  CHECK_FALSE(is_closed);
  leave.set_value();
  closing.join();
  CHECK(called == 4);
}

TEST_CASE("the latest status lists the first workers by id alone, whatever their number") {
  fixture it;
  test_worker worker{*it.actors, "local"};
  for (std::uint64_t id = 300; id > 0; --id)
    it.list.push_back({id, "worker " + std::to_string(id), {}, 1, worker.actor()});
  it.pool->set_workers(it.list);
  dispatcher_status latest;
  while (latest.load.workers != 300) {
    latest = it.pool->latest_status();
    std::this_thread::yield();
  }
  REQUIRE(latest.workers.size() == pool_workers_shown_max);
  CHECK(latest.workers.front().name == "worker 1");
  CHECK(latest.workers.back().load.id == pool_workers_shown_max);
  CHECK(it.pool->status().workers.size() == 300);
  it.list.resize(2);
  it.pool->set_workers(it.list);
  while (latest.load.workers != 2)
    latest = it.pool->latest_status();
  REQUIRE(latest.workers.size() == 2);
  CHECK(latest.workers[0].name == "worker 299");
}

TEST_CASE("a dispatcher says how it is") {
  fixture it;
  test_worker worker{*it.actors, "local"};
  it.add(worker);
  CHECK(it.pool->ask(work_kind, "hello").has_value());
  CHECK(describe(it.pool->status()) ==
        "jobs (first): 1 of 1 workers available; 0 requests under way, 0 of them queued; 1 "
        "answered, 0 failed, 0 retries, 0 hedges");
  while (it.pool->latest_status().counters.answered == 0)
    std::this_thread::yield();
}
