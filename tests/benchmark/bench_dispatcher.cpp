#include "table.hpp"

#include <atoll/core/plugin_loader.hpp>
#include <atoll/core/plugin_options.hpp>
#include <atoll/core/watched_balancer.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/dispatcher.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/system.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Requests of 256 bytes to three actors of the process and three roles of other nodes: through a
/// dispatcher, and bare, to the same actors and connections in turn.
namespace {

using clock_type = std::chrono::steady_clock;
namespace rt = atl::runtime;

constexpr std::size_t request_bytes = 256;

rt::node_info named(const std::string& name) {
  rt::node_info info;
  info.cluster = "bench";
  info.name = name;
  return info;
}

rt::role_info worker_role() {
  rt::role_info role;
  role.name = "worker";
  return role;
}

rt::envelope make_request() {
  return {rt::message_kind::application, rt::cluster_digest(named("requester")),
          std::string(request_bytes, 'x'), "worker"};
}

caf::behavior answer(caf::event_based_actor*) {
  return {[](rt::envelope& message) {
    return rt::make_reply({std::move(message.body), {}, false});
  }};
}

// -- workers ----------------------------------------------------------------------------------

class remote_worker {
 public:
  explicit remote_worker(const std::string& name) : actor_{actors_->spawn(answer)} {
    auto description = std::make_shared<rt::node_description>(named(name));
    description->set_role(worker_role());
    endpoint_ = rt::spawn_on_io_thread<rt::node_endpoint_actor>(
        *actors_,
        rt::node_endpoint_actor::settings{description, {{worker_role(), nullptr, actor_}}});
    auto published = actors_.publish(endpoint_, {"127.0.0.1", 0});
    if (!published)
      throw std::runtime_error{published.error().message};
    where = *published;
  }
  ~remote_worker() {
    for (auto& each : {endpoint_, actor_})
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  }
  atl::endpoint where;

 private:
  rt::system actors_{1};
  caf::actor actor_;
  caf::actor endpoint_;
};

/// Three actors, and three connections that are up.
class pool {
 public:
  pool() {
    std::promise<void> up;
    auto missing = std::make_shared<int>(3);
    watcher_ = actors->spawn([&up, missing](caf::event_based_actor*) -> caf::behavior {
      return {[&up, missing](const rt::connection_event& event) {
        if (event.up && --*missing == 0)
          up.set_value();
      }};
    });
    for (int i = 0; i < 3; ++i) {
      locals.push_back(actors->spawn(answer));
      remotes.push_back(std::make_unique<remote_worker>("node-" + std::to_string(i)));
      subscriptions_.push_back(
          connections->subscribe(remotes.back()->where, {watcher_, {}, std::to_string(i)}));
    }
    up.get_future().wait();
    for (int i = 0; i < 3; ++i) {
      targets.push_back(locals[static_cast<std::size_t>(i)]);
      targets.push_back(subscriptions_[static_cast<std::size_t>(i)].connection());
    }
  }
  ~pool() {
    subscriptions_.clear();
    caf::anon_send_exit(watcher_, caf::exit_reason::user_shutdown);
    for (auto& each : locals)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    targets.clear();
  }
  std::vector<rt::dispatcher_worker> workers() const {
    std::vector<rt::dispatcher_worker> list;
    for (auto& each : locals)
      list.push_back({list.size() + 1, "local", {}, 1, each});
    for (auto& each : remotes)
      list.push_back({list.size() + 1, "remote", {}, 1, nullptr, each->where, "worker"});
    return list;
  }

  rt::system actors{2};
  std::shared_ptr<rt::peer_connections> connections = std::make_shared<rt::peer_connections>(
      *actors, std::make_shared<rt::node_description>(named("requester")),
      rt::connection_settings{}, 1);
  std::vector<caf::actor> targets; ///< for bare requests

 private:
  std::vector<caf::actor> locals;
  std::vector<std::unique_ptr<remote_worker>> remotes;
  std::vector<rt::peer_subscription> subscriptions_;
  caf::actor watcher_;
};

// -- measuring --------------------------------------------------------------------------------

struct measured {
  double rate = 0, p50_us = 0, p99_us = 0;
};

/// Keeps so many requests under way, to its targets in turn.
class load_actor : public caf::event_based_actor {
 public:
  load_actor(caf::actor_config& config, std::vector<caf::actor> targets,
             std::vector<float>& latencies, std::promise<void>& ended)
      : caf::event_based_actor{config}, targets_{std::move(targets)},
        latencies_{latencies}, ended_{ended} {}

  caf::behavior make_behavior() override {
    return {[this](std::int32_t under_way) {
      stops_ = under_way == 0;
      for (; under_way > 0; --under_way) {
        ++open_;
        send_one();
      }
    }};
  }

 private:
  void send_one() {
    auto& target = targets_[next_++ % targets_.size()];
    rt::ask(this, target, caf::infinite, make_request())
        .then(
            [this, began = clock_type::now()](const rt::envelope& answer) {
              if (!rt::decode_reply(answer.body).value)
                throw std::runtime_error{rt::decode_reply(answer.body).value.error().message};
              std::chrono::duration<float, std::micro> took = clock_type::now() - began;
              latencies_.push_back(took.count());
              end_one();
            },
            [this](const caf::error&) { end_one(); });
  }
  void end_one() {
    if (!stops_)
      return send_one();
    if (--open_ == 0)
      ended_.set_value();
  }

  std::vector<caf::actor> targets_;
  std::vector<float>& latencies_;
  std::promise<void>& ended_;
  std::size_t next_ = 0;
  int open_ = 0;
  bool stops_ = false;
};

measured run(rt::system& actors, const std::vector<caf::actor>& targets, int under_way,
             double seconds) {
  std::vector<float> latencies;
  std::promise<void> ended;
  auto load = actors->spawn<load_actor>(targets, latencies, ended);
  auto began = clock_type::now();
  caf::anon_send(load, std::int32_t{under_way});
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  caf::anon_send(load, std::int32_t{0});
  ended.get_future().wait();
  std::chrono::duration<double> took = clock_type::now() - began;
  caf::anon_send_exit(load, caf::exit_reason::user_shutdown);
  std::ranges::sort(latencies);
  return {static_cast<double>(latencies.size()) / took.count(), latencies[latencies.size() / 2],
          latencies[latencies.size() * 99 / 100]};
}

/// The medians of several runs, taken in turn so that a slow moment of the machine meets all.
class medians {
 public:
  void add(const measured& run) { runs_.push_back(run); }
  measured get() const {
    return {median(&measured::rate), median(&measured::p50_us), median(&measured::p99_us)};
  }

 private:
  double median(double measured::*which) const {
    std::vector<double> values;
    for (auto& run : runs_)
      values.push_back(run.*which);
    std::ranges::sort(values);
    return values[values.size() / 2];
  }
  std::vector<measured> runs_;
};

std::unique_ptr<rt::dispatcher> make_dispatcher(pool& over, const std::string& plugin,
                                                bool is_guarded) {
  auto loaded = atl::plugin_loader{}.load(atl::spi::plugin_kind::balancer, plugin);
  if (!loaded)
    throw std::runtime_error{loaded.error().message};
  auto options = (*loaded)->check_options({});
  auto balancer = (*loaded)->create_balancer(options.value(), 1).value();
  rt::dispatcher::settings settings;
  settings.name = "bench";
  settings.balancer = balancer;
  if (is_guarded)
    settings.balancer =
        std::make_shared<atl::watched_balancer>(balancer, std::chrono::milliseconds{1000});
  settings.balancer_name = plugin;
  settings.connections = over.connections;
  auto made = std::make_unique<rt::dispatcher>(over.actors, std::move(settings));
  made->set_workers(over.workers());
  while (made->status().load.available < 6)
    std::this_thread::yield();
  return made;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures requests through a dispatcher, and bare ones beside them"};
  double seconds = 2;
  std::string json, plugin = "round_robin";
  app.add_option("--seconds", seconds, "For each figure")->check(CLI::Range(0.1, 600.0));
  app.add_option("--balancer", plugin, "The plugin that picks");
  std::vector<int> loads{1, 4, 16, 64};
  app.add_option("--under-way", loads, "Requests at a time")
      ->delimiter(',')
      ->check(CLI::Range(1, 10000));
  std::string alone;
  app.add_option("--alone", alone, "Measures only this, for a profile")
      ->check(CLI::IsMember({"bare", "dispatcher", "guarded"}));
  app.add_option("--json", json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);

  pool over;
  auto direct = make_dispatcher(over, plugin, false);
  auto guarded = make_dispatcher(over, plugin, true);
  std::vector<std::pair<std::string, std::vector<caf::actor>>> ways{
      {"bare", over.targets}, {"dispatcher", {direct->actor()}}, {"guarded", {guarded->actor()}}};
  std::erase_if(ways, [&](auto& way) { return !alone.empty() && way.first != alone; });
  constexpr int rounds = 5;
  figures table;
  for (auto under_way : loads) {
    std::map<std::string, medians> all;
    for (int round = 0; round < rounds; ++round)
      for (auto& [name, targets] : ways)
        all[name].add(run(over.actors, targets, under_way, seconds / rounds));
    if (!alone.empty()) {
      table.add(alone + ", " + std::to_string(under_way) + " at a time: rate",
                all[alone].get().rate, "/s");
      continue;
    }
    auto bare = all["bare"].get();
    for (auto& [name, what] : {std::pair<std::string, std::string>{"dispatcher", "dispatcher"},
                               {"guarded", "dispatcher, balancer guarded"}}) {
      auto it = all[name].get();
      auto title = what + ", " + std::to_string(under_way) + " at a time";
      // Above 1 is better than bare requests.
      table.add(title + ": rate", it.rate, "/s", it.rate / bare.rate, "bare");
      table.add(title + ": median", it.p50_us, "us", bare.p50_us / it.p50_us, "bare (inverse)");
      table.add(title + ": 99th percentile", it.p99_us, "us", bare.p99_us / it.p99_us,
                "bare (inverse)");
    }
  }
  if (!json.empty())
    std::ofstream{json} << table.json() << '\n';
  return 0;
}
