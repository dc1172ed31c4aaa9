#include "fake_group.hpp"

#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace atl;
using namespace atl::runtime;
using namespace atl::runtime::testing;

namespace {

constexpr auto work_kind = message_kind::application;

/// A node with the roles `store`, whose application echoes what it gets, and `worker`, whose
/// application answers when a test tells it to.
class asked_node {
 public:
  asked_node() {
    store_ = actors->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](envelope& message) {
        arrived.set_value(message.body);
        return make_reply({"echo " + message.body, {}, false});
      }};
    });
    // The actor's own calls: it may get a call while this object is being destroyed.
    worker_ = actors->spawn([](caf::event_based_actor* self) -> caf::behavior {
      auto open = std::make_shared<std::vector<caf::typed_response_promise<envelope>>>();
      return {[self, open](envelope&) -> caf::result<envelope> {
                return open->emplace_back(self->make_response_promise<envelope>());
              },
              [open](int) {
                for (auto& call : std::exchange(*open, {}))
                  call.deliver(make_reply({std::string{"done"}, {}, false}));
              }};
    });
    auto store = role_named("store");
    auto worker = role_named("worker");
    auto self = named("node-1");
    self.address = to_string(where);
    description = describe(self, {store, worker});
    endpoint_ = spawn_on_io_thread<node_endpoint_actor>(
        *actors, node_endpoint_actor::settings{
                     description, {{store, nullptr, store_}, {worker, nullptr, worker_}}});
    auto published = actors.publish(endpoint_, {"127.0.0.1", 0});
    REQUIRE(published.has_value());
    where = *published;
    description->set_address(to_string(where));
  }
  ~asked_node() {
    for (auto& each : {endpoint_, store_, worker_})
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  }
  void finish_work() { caf::anon_send(worker_, 1); }

  std::promise<std::string> arrived; ///< the first body that the store got
  runtime::system actors{1};         ///< ends before what its actors use
  endpoint where;
  std::shared_ptr<node_description> description;

 private:
  caf::actor store_;
  caf::actor worker_;
  caf::actor endpoint_;
};

struct caller {
  runtime::system actors{1};
  node_client client{actors,
                     {named("a client"), std::chrono::seconds{20}, std::chrono::seconds{20}}};
};

} // namespace

TEST_CASE("a node that got any free port is asked for its status and its plugins") {
  asked_node node;
  CHECK(node.where.port != 0);
  node.description->set_status("store", [] {
    return role_status{{}, health::impaired, "its disk is full"};
  });
  node.description->set_inventory({{"balancer", "random", "1.0.0", "2.0", "ab12"}});
  caller from;
  auto status = from.client.status(node.where);
  REQUIRE_MESSAGE(status.has_value(), status.error().message);
  CHECK(status->name == "node-1");
  CHECK(status->cluster == "reef");
  CHECK(status->address == to_string(node.where));
  REQUIRE(status->roles.size() == 2);
  CHECK(status->roles[0].role == "store");
  CHECK(status->roles[0].health == health::impaired);
  CHECK(status->roles[0].text == "its disk is full");
  CHECK(status->roles[1].health == health::serving);
  auto plugins = from.client.inventory(node.where);
  REQUIRE(plugins.has_value());
  REQUIRE(plugins->size() == 1);
  CHECK(plugins->front().name == "random");
  CHECK(plugins->front().interface == "2.0");
  CHECK(plugins->front().sha256 == "ab12");
}

TEST_CASE("a role that has a replica id and no group yet waits") {
  auto role = role_named("jobs");
  role.replica = 1;
  auto description = describe(named("node-1"), {role});
  CHECK(description->status().roles[0].health == health::waiting);
  role.group = "a group";
  description->set_role(role);
  CHECK(description->status().roles[0].health == health::serving);
}

TEST_CASE("requests and one-way messages reach the role that they name") {
  asked_node node;
  caller from;
  std::promise<result<std::string>> sent;
  from.client.tell(node.where, "store", work_kind, "one way",
                   [&](auto outcome) { sent.set_value(std::move(outcome)); });
  CHECK(sent.get_future().get().has_value());
  CHECK(node.arrived.get_future().get() == "one way");
  node.arrived = {};
  CHECK(from.client.ask(node.where, "store", work_kind, "hello") == "echo hello");
  auto stray = from.client.ask(node.where, "stores", work_kind, "hello");
  REQUIRE_FALSE(stray.has_value());
  CHECK(stray.error().code == errc::unavailable);
  CHECK(stray.error().message == "node-1: this node doesn't have the role 'stores'; it has: store, "
                                 "worker; did you mean 'store'?");
}

TEST_CASE("the end of deferred work is notified under its own call") {
  asked_node node;
  caller from;
  std::promise<void> accepted;
  std::promise<result<std::string>> done;
  from.client.defer(
      node.where, "worker", work_kind, "dig", [&] { accepted.set_value(); },
      [&](auto outcome) { done.set_value(std::move(outcome)); });
  accepted.get_future().wait();
  auto outcome = done.get_future();
  CHECK(outcome.wait_for(std::chrono::seconds{0}) == std::future_status::timeout);
  node.finish_work();
  CHECK(outcome.get() == "done");

  std::promise<result<std::string>> refused;
  from.client.defer(node.where, "digger", work_kind, "dig", nullptr,
                    [&](auto it) { refused.set_value(std::move(it)); });
  CHECK(refused.get_future().get().error().message.find("it has: store, worker") !=
        std::string::npos);
}

TEST_CASE("a requester with too many deferred calls is refused, while others are served") {
  asked_node node;
  auto begin_work = [&](caller& from) {
    auto begun = std::make_shared<std::promise<result<std::string>>>();
    from.client.defer(
        node.where, "worker", work_kind, "dig", [begun] { begun->set_value("accepted"); },
        [begun](auto outcome) {
          if (!outcome && outcome.error().code == errc::busy)
            begun->set_value(std::move(outcome));
        });
    return begun->get_future().get();
  };
  std::atomic<std::size_t> done{0};
  caller greedy;
  caller modest;
  {
    std::atomic<std::size_t> accepted{0};
    for (std::size_t i = 0; i < deferred_calls_per_requester_max; ++i)
      greedy.client.defer(
          node.where, "worker", work_kind, "dig", [&] { ++accepted; }, [&](auto) { ++done; });
    while (accepted < deferred_calls_per_requester_max)
      std::this_thread::yield();
  }
  auto refused = begin_work(greedy);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::busy);
  CHECK_MESSAGE(refused.error().message.find("of this requester") != std::string::npos,
                refused.error().message);
  CHECK(begin_work(modest) == "accepted");
  node.finish_work();
  while (done < deferred_calls_per_requester_max)
    std::this_thread::yield();
  CHECK(begin_work(greedy) == "accepted");
}

TEST_CASE("deferred work whose node ends is reported as possibly done") {
  std::promise<result<std::string>> done;
  caller from;
  {
    asked_node node;
    std::promise<void> accepted;
    from.client.defer(
        node.where, "worker", work_kind, "dig", [&] { accepted.set_value(); },
        [&](auto outcome) { done.set_value(std::move(outcome)); });
    accepted.get_future().wait();
  }
  auto outcome = done.get_future().get();
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == errc::timeout);
}

TEST_CASE("a node that can't be reached, and a client that ends, complete their calls") {
  std::promise<result<std::string>> closed;
  asked_node node;
  {
    caller from;
    auto nobody = from.client.status({"127.0.0.1", free_port()});
    REQUIRE_FALSE(nobody.has_value());
    CHECK(nobody.error().code == errc::unavailable);
    CHECK(nobody.error().message.find("can't connect to 127.0.0.1:") != std::string::npos);
    from.client.ask(node.where, "worker", work_kind, "dig",
                    [&](auto outcome) { closed.set_value(std::move(outcome)); });
  }
  CHECK(closed.get_future().get().error().code == errc::unavailable);
}

TEST_CASE("statuses and inventories are decoded as they were encoded; truncated ones are refused") {
  auto status = encode(node_status{"a", "b", "c", {{"d", health::failed, "e"}}});
  auto plugins = encode(std::vector<plugin_entry>{{"a", "b", "c", "d", "e"}});
  REQUIRE(decode_node_status(status).has_value());
  CHECK(decode_node_status(status)->roles[0].health == health::failed);
  REQUIRE(decode_inventory(plugins).has_value());
  for (std::size_t size = 0; size < status.size(); ++size)
    CHECK_FALSE(decode_node_status(std::string_view{status}.substr(0, size)).has_value());
  for (std::size_t size = 0; size < plugins.size(); ++size)
    CHECK_FALSE(decode_inventory(std::string_view{plugins}.substr(0, size)).has_value());
}
