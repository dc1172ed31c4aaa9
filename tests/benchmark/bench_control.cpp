#include "free_port.hpp"
#include "table.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/peer_connection.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/shared_mark.hpp>
#include <atoll/runtime/system.hpp>

#include <CLI/CLI.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

/// Messages between two nodes over the framework's connections, and over CAF's own distribution
/// (BASP), in one process: requests of 256 bytes, alone and 64 at a time, and pings while large
/// messages are under way.
namespace {

using clock_type = std::chrono::steady_clock;
namespace rt = atl::runtime;

constexpr std::size_t small_bytes = 256;
constexpr std::size_t large_bytes = 1 << 20;
constexpr int large_under_way = 16;

/// One way for messages to travel between two nodes.
class way {
 public:
  virtual ~way() = default;
  /// Sends a request of `small_bytes`, and calls `done` in some thread when it is answered.
  virtual void request(std::function<void()> done) = 0;
  /// Sends `large_bytes`; `arrived` counts what has arrived at the other node.
  virtual void send_large() = 0;
  std::atomic<std::uint64_t> arrived{0};
};

// -- the framework's connections ----------------------------------------------

rt::node_info node(atl::spi::replica_id id) {
  rt::node_info info;
  info.cluster = "bench";
  info.name = "master-" + std::to_string(id);
  return info;
}

rt::role_info master(atl::spi::replica_id id) {
  rt::role_info role;
  role.name = "master";
  role.replica = id;
  role.consensus.plugin = "raft";
  role.group = "bench";
  return role;
}

std::shared_ptr<rt::node_description> describe(atl::spi::replica_id id) {
  auto description = std::make_shared<rt::node_description>(node(id));
  description->set_role(master(id), std::make_shared<rt::shared_mark>(1));
  return description;
}

/// Calls functions when its requests are answered.
template <class Message>
caf::behavior caller(caf::event_based_actor* self, const caf::actor& to,
                     const std::function<Message()>& make) {
  return {[self, to, make](std::int64_t done) {
    auto* call = reinterpret_cast<std::function<void()>*>(done);
    self->request(to, caf::infinite, make())
        .then(
            [call](const Message&) {
              (*call)();
              delete call;
            },
            [call](const caf::error&) { delete call; });
  }};
}

class own_way : public way {
 public:
  own_way() {
    echo_ = far_->spawn([](caf::event_based_actor*) -> caf::behavior {
      return {[](rt::envelope& message) { return std::move(message); }};
    });
    sink_ = far_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const rt::peer_messages&) { ++arrived; }, [](const rt::peer_seen&) {},
              [](const rt::peer_space&) {}};
    });
    endpoint_ = rt::spawn_on_io_thread<rt::node_endpoint_actor>(
        *far_, rt::node_endpoint_actor::settings{describe(2), {{master(2), sink_, echo_}}});
    atl::endpoint where{"127.0.0.1", free_port()};
    if (auto published = far_.publish(endpoint_, where); !published)
      throw std::runtime_error{published.error().message};
    supervisor_ = near_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const rt::connection_event& event) {
        std::lock_guard lock{mutex_};
        is_up_ = event.up.has_value();
        changed_.notify_all();
      }};
    });
    connection_ = rt::spawn_on_io_thread<rt::peer_connection_actor>(
        *near_, rt::peer_connection_actor::settings{"master-2", where, describe(1), {}, 1});
    caf::anon_send(connection_, rt::add_subscriber{1, {supervisor_, "master", "master-2"}});
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return is_up_; });
    std::function<rt::envelope()> make = [] {
      return rt::envelope{rt::message_kind::application, rt::cluster_digest(node(1)),
                          std::string(small_bytes, 'x'), "master"};
    };
    caller_ = near_->spawn(caller<rt::envelope>, connection_, make);
  }
  ~own_way() override {
    for (auto* each : {&caller_, &connection_, &supervisor_, &endpoint_, &sink_, &echo_})
      caf::anon_send_exit(*each, caf::exit_reason::user_shutdown);
  }
  void request(std::function<void()> done) override {
    caf::anon_send(caller_,
                   reinterpret_cast<std::int64_t>(new std::function<void()>{std::move(done)}));
  }
  void send_large() override {
    caf::anon_send(connection_, rt::outgoing_message{"master", rt::group_digest(node(1), master(1)),
                                                     1, 2, std::string(large_bytes, 'x')});
  }

 private:
  rt::system far_{1};
  rt::system near_{1};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_up_ = false;
  caf::actor echo_, sink_, endpoint_, supervisor_, connection_, caller_;
};

// -- CAF's distribution -------------------------------------------------------

class caf_way : public way {
 public:
  caf_way() {
    for (auto* config : {&far_config_, &near_config_}) {
      config->load<caf::io::middleman>();
      config->set("caf.middleman.workers", std::size_t{0});
      config->set("caf.scheduler.max-threads", std::size_t{1});
      config->set("caf.scheduler.policy", "sharing");
      config->set("caf.logger.console.verbosity", "quiet");
    }
    far_.emplace(far_config_);
    near_.emplace(near_config_);
    server_ = far_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[](std::string& message) { return std::move(message); },
              [this](std::int32_t, const std::string&) { ++arrived; }};
    });
    auto port = far_->middleman().publish(server_, 0, "127.0.0.1");
    if (!port)
      throw std::runtime_error{"CAF can't publish an actor"};
    auto remote = near_->middleman().remote_actor("127.0.0.1", *port);
    if (!remote)
      throw std::runtime_error{"CAF can't connect"};
    remote_ = *remote;
    std::function<std::string()> make = [] { return std::string(small_bytes, 'x'); };
    caller_ = near_->spawn(caller<std::string>, remote_, make);
  }
  ~caf_way() override {
    for (auto* each : {&caller_, &server_})
      caf::anon_send_exit(*each, caf::exit_reason::user_shutdown);
    caller_ = server_ = remote_ = nullptr;
  }
  void request(std::function<void()> done) override {
    caf::anon_send(caller_,
                   reinterpret_cast<std::int64_t>(new std::function<void()>{std::move(done)}));
  }
  void send_large() override {
    caf::anon_send(remote_, std::int32_t{0}, std::string(large_bytes, 'x'));
  }

 private:
  caf::actor_system_config far_config_, near_config_;
  std::optional<caf::actor_system> far_, near_;
  caf::actor server_, remote_, caller_;
};

// -- measuring ----------------------------------------------------------------

/// Answers a second with so many requests under way.
double rate(way& over, int under_way, double seconds) {
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> stop{false};
  std::atomic<int> open{under_way};
  std::function<void()> next = [&] {
    ++answered;
    if (stop)
      --open;
    else
      over.request(next);
  };
  auto began = clock_type::now();
  for (int i = 0; i < under_way; ++i)
    over.request(next);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  auto total = static_cast<double>(answered);
  auto took = std::chrono::duration<double>(clock_type::now() - began).count();
  stop = true;
  while (open > 0)
    std::this_thread::yield();
  return total / took;
}

struct latencies {
  double median_us = 0;
  double p99_us = 0;
};

/// Of requests that are made one after the other, a millisecond apart.
latencies ping(way& over, double seconds) {
  std::vector<double> took;
  auto until = clock_type::now() + std::chrono::duration<double>(seconds);
  while (clock_type::now() < until) {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_done = false;
    auto began = clock_type::now();
    over.request([&] {
      std::lock_guard lock{mutex};
      is_done = true;
      changed.notify_one();
    });
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return is_done; });
    took.push_back(std::chrono::duration<double, std::micro>(clock_type::now() - began).count());
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  std::sort(took.begin(), took.end());
  return {took[took.size() / 2], took[took.size() * 99 / 100]};
}

/// A pace that leaves the processors idle for most of the time, so that a ping waits for messages
/// and not for a processor.
constexpr double easy_pace_mib_a_second = 100;

/// The same while large messages are under way, each sent when one has arrived.
/// @param pace of them in MiB a second; 0: as fast as possible, which takes both processors
latencies ping_behind_large(way& over, double seconds, double pace, double& mib_a_second) {
  std::atomic<bool> stop{false};
  auto before = over.arrived.load();
  std::thread sender{[&] {
    std::uint64_t sent = 0;
    auto since = clock_type::now();
    auto is_due = [&] {
      auto now = std::chrono::duration<double>(clock_type::now() - since).count();
      return pace == 0 || static_cast<double>(sent * large_bytes) < now * pace * (1 << 20);
    };
    while (!stop) {
      if (sent - (over.arrived - before) < large_under_way && is_due()) {
        over.send_large();
        ++sent;
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds{100});
      }
    }
    while (over.arrived - before < sent)
      std::this_thread::yield();
  }};
  auto began = clock_type::now();
  auto out = ping(over, seconds);
  stop = true;
  sender.join();
  auto took = std::chrono::duration<double>(clock_type::now() - began).count();
  mib_a_second = static_cast<double>((over.arrived - before) * large_bytes) / took / (1 << 20);
  return out;
}

struct outcome {
  double rate_1 = 0, rate_64 = 0, mib_a_second = 0;
  latencies idle, loaded, paced;
};

outcome measure(way& over, double seconds) {
  outcome it;
  (void)rate(over, 1, 0.2); // warms up
  it.rate_1 = rate(over, 1, seconds);
  it.rate_64 = rate(over, 64, seconds);
  it.idle = ping(over, seconds);
  double paced_mib = 0;
  it.paced = ping_behind_large(over, seconds, easy_pace_mib_a_second, paced_mib);
  it.loaded = ping_behind_large(over, seconds, 0, it.mib_a_second);
  return it;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures messages between nodes, and CAF's own distribution beside them"};
  double seconds = 2;
  std::string json;
  app.add_option("--seconds", seconds, "For each figure")->check(CLI::Range(0.1, 600.0));
  app.add_option("--json", json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);

  // CAF looks up the type of every message, so all types are known before the first system.
  caf::io::middleman::init_global_meta_objects();
  outcome own, basp;
  {
    own_way over;
    own = measure(over, seconds);
  }
  {
    caf_way over;
    basp = measure(over, seconds);
  }
  figures table;
  const std::string to = "CAF's own";
  table.add("requests of 256 B, one at a time", own.rate_1, "/s", own.rate_1 / basp.rate_1, to);
  table.add("requests of 256 B, 64 at a time", own.rate_64, "/s", own.rate_64 / basp.rate_64, to);
  table.add("ping, idle, median", own.idle.median_us, "us",
            own.idle.median_us / basp.idle.median_us, to);
  table.add("ping, idle, 99th percentile", own.idle.p99_us, "us",
            own.idle.p99_us / basp.idle.p99_us, to);
  table.add("large messages of 1 MiB", own.mib_a_second, "MiB/s",
            own.mib_a_second / basp.mib_a_second, to);
  table.add("ping behind large messages, median", own.loaded.median_us, "us",
            own.loaded.median_us / basp.loaded.median_us, to);
  table.add("ping behind large messages, 99th percentile", own.loaded.p99_us, "us",
            own.loaded.p99_us / basp.loaded.p99_us, to);
  table.add("ping behind large messages, 99th percentile, to idle", own.loaded.p99_us, "us",
            own.loaded.p99_us / own.idle.p99_us, "idle");
  table.add("ping behind 100 MiB/s of large messages, median, to idle", own.paced.median_us, "us",
            own.paced.median_us / own.idle.median_us, "idle");
  table.add("ping behind 100 MiB/s of large messages, 99th percentile, to idle", own.paced.p99_us,
            "us", own.paced.p99_us / own.idle.p99_us, "idle");
  if (!json.empty())
    std::ofstream{json} << table.json() << '\n';
  return 0;
}
