#include "apps/dfs/storage/store_fixture.hpp"
#include "common/actor_messages.hpp"
#include "free_port.hpp"
#include "node/storage_agent.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/system.hpp>

#include <caf/init_global_meta_objects.hpp>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

using namespace dfs;
using namespace dfs::test;
namespace rt = atl::runtime;

namespace {

rt::connection_settings quick() {
  return {std::chrono::milliseconds{20}, std::chrono::milliseconds{5000},
          std::chrono::milliseconds{10}, std::chrono::milliseconds{50}};
}

/// A master that answers every report with the same orders until a test changes them.
class scripted_master {
 public:
  scripted_master() : where_{"127.0.0.1", free_port()} {
    rt::node_info self;
    self.cluster = "reef";
    self.name = "master-1";
    rt::role_info role;
    role.name = master_role_name;
    application_ = actors_->spawn([this](caf::event_based_actor* actor) -> caf::behavior {
      return {[this, actor](rt::envelope& message) {
        auto node = caf::actor_cast<caf::actor_addr>(actor->current_sender());
        note(message);
        return rt::make_reply({next_orders(node), {}, false});
      }};
    });
    node_endpoint_ = rt::spawn_on_io_thread<rt::node_endpoint_actor>(
        *actors_, rt::node_endpoint_actor::settings{std::make_shared<rt::node_description>(self),
                                                    {{role, nullptr, application_}}});
    auto published = actors_.publish(node_endpoint_, where_);
    REQUIRE_MESSAGE(published, published.error().message);
  }
  ~scripted_master() {
    for (auto& actor : {node_endpoint_, application_})
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  }

  void order(protocol::storage_commands orders) {
    std::lock_guard lock{mutex_};
    orders_ = protocol::encode(orders);
    answered_ = 0;
  }
  /// Waits until the agent has reported once since `order`.
  void wait_for_report() {
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [this] { return answered_ >= 1; });
  }
  /// Sends the agent an envelope over the connection on which it reports.
  void send(protocol::kind kind) {
    std::lock_guard lock{mutex_};
    auto node = caf::actor_cast<caf::actor>(node_);
    REQUIRE(node);
    caf::anon_send(node,
                   rt::envelope{static_cast<rt::message_kind>(kind), 0, {}, storage_role_name});
  }
  /// Waits until the agent has taken at least one answer with the present orders: it reports again
  /// only after that.
  void wait_until_taken() {
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [this] { return answered_ >= 3; });
  }

  const atl::endpoint& where() const { return where_; }

  /// Waits until the agent has told how an order ended.
  protocol::task_result wait_for_result(std::uint64_t id) {
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [&] { return results_.contains(id); });
    return results_.at(id);
  }
  protocol::fragment_slice wait_for_slice() {
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [&] { return slice_.has_value(); });
    return *slice_;
  }

 private:
  void note(const rt::envelope& message) {
    auto heartbeat = protocol::decode_storage_heartbeat(message.body);
    std::lock_guard lock{mutex_};
    if (!heartbeat)
      return;
    for (auto& result : heartbeat->done)
      results_[result.id] = result;
    if (heartbeat->slice)
      slice_ = heartbeat->slice;
  }

  std::string next_orders(const caf::actor_addr& node) {
    std::lock_guard lock{mutex_};
    node_ = node;
    ++answered_;
    reported_.notify_all();
    return orders_;
  }

  rt::system actors_{1};
  atl::endpoint where_;
  std::mutex mutex_;
  std::condition_variable reported_;
  std::string orders_;
  int answered_ = 0;
  std::map<std::uint64_t, protocol::task_result> results_; ///< by the order's id
  std::optional<protocol::fragment_slice> slice_;
  caf::actor_addr node_; ///< the connection over which the agent reports
  caf::actor application_;
  caf::actor node_endpoint_;
};

storage_agent::settings settings_for(rt::system& actors, const scripted_master& master,
                                     store_fixture& disk, const rt::connection_settings& timing) {
  storage_agent::settings settings;
  rt::node_info self;
  self.cluster = "reef";
  self.name = "storage-1";
  settings.connections = std::make_shared<rt::peer_connections>(
      *actors, std::make_shared<rt::node_description>(self), timing, 1);
  settings.masters = {{"master-1", master.where()}};
  settings.group = "the group of the data";
  settings.in_flight = [] { return 0U; };
  settings.store = {disk.store.get(), [](chunk_store*) {}};
  repair_worker::settings work;
  work.store = settings.store;
  work.reading = [] { return bulk_options{}; };
  settings.repairs = std::make_shared<repair_worker>(std::move(work));
  return settings;
}

std::uint64_t generation_of(chunk_store& store, const fragment_key& key) {
  for (auto& stored : store.list())
    if (stored.key == key)
      return stored.generation;
  return 0;
}

void register_types_once() {
  static std::once_flag once;
  std::call_once(once, [] { caf::init_global_meta_objects<caf::id_block::dfs>(); });
}

} // namespace

TEST_CASE("a storage node ignores deletions ordered by a master of another group") {
  register_types_once();
  store_fixture disk;
  auto key = key_of(1);
  REQUIRE(put(*disk.store, key, "data"));
  scripted_master master;
  protocol::storage_commands orders;
  orders.id = 1;
  orders.group = "another group";
  orders.remove = {{key.chunk, key.fragment, generation_of(*disk.store, key)}};
  master.order(orders);

  rt::system actors{1};
  auto settings = settings_for(actors, master, disk, quick());
  auto agent = actors->spawn<storage_agent, caf::detached>(std::move(settings));

  master.wait_until_taken();
  CHECK(get(*disk.store, key) == "data");
  orders.group = "the group of the data";
  master.order(orders);
  master.wait_until_taken();
  CHECK(get(*disk.store, key) == "not_found");

  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown); // `actors` waits for its end
}

TEST_CASE("a storage node reports at once when a master says that orders wait") {
  register_types_once();
  store_fixture disk;
  auto key = key_of(1);
  REQUIRE(put(*disk.store, key, "data"));
  scripted_master master;
  protocol::storage_commands orders;
  orders.id = 1;
  orders.group = "the group of the data";
  master.order(orders);
  rt::system actors{1};
  auto rare = quick();
  rare.heartbeat = std::chrono::hours{1};
  auto agent =
      actors->spawn<storage_agent, caf::detached>(settings_for(actors, master, disk, rare));
  master.wait_for_report(); // because the connection is new
  orders.remove = {{key.chunk, key.fragment, generation_of(*disk.store, key)}};
  master.order(orders);
  master.send(protocol::kind::report_now);
  master.wait_for_report();
  while (get(*disk.store, key) != "not_found")
    std::this_thread::yield();
  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
}

TEST_CASE("a storage node removes the copy that an order names and no later one, and follows no "
          "order of an older term") {
  register_types_once();
  store_fixture disk;
  auto key = key_of(1);
  auto bystander = key_of(2);
  REQUIRE(put(*disk.store, key, "data"));
  REQUIRE(put(*disk.store, bystander, "data"));
  auto former = generation_of(*disk.store, key);
  REQUIRE(put(*disk.store, key, "data")); // stored already, and somebody relies on it anew
  CHECK(generation_of(*disk.store, key) != former);
  scripted_master master;
  protocol::storage_commands orders;
  orders.id = 1;
  orders.group = "the group of the data";
  orders.term = 5;
  orders.remove = {{key.chunk, key.fragment, former}};
  master.order(orders);
  rt::system actors{1};
  auto agent =
      actors->spawn<storage_agent, caf::detached>(settings_for(actors, master, disk, quick()));
  master.wait_until_taken();
  CHECK(get(*disk.store, key) == "data");
  orders.term = 4;
  orders.remove = {{key.chunk, key.fragment, generation_of(*disk.store, key)}};
  master.order(orders);
  master.wait_until_taken();
  CHECK(get(*disk.store, key) == "data");
  orders.term = 5;
  master.order(orders);
  master.wait_until_taken();
  CHECK(get(*disk.store, key) == "not_found");
  CHECK(get(*disk.store, bystander) == "data");
  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
}

TEST_CASE("a storage node tells the master that ordered them how tasks and removals ended") {
  register_types_once();
  store_fixture disk;
  auto kept = key_of(1);
  auto removed = key_of(2);
  REQUIRE(put(*disk.store, kept, "data"));
  REQUIRE(put(*disk.store, removed, "data"));
  scripted_master master;
  protocol::storage_commands orders;
  orders.id = 1;
  orders.group = "the group of the data";
  orders.term = 5;
  orders.remove = {{removed.chunk, removed.fragment, generation_of(*disk.store, removed), 11},
                   {kept.chunk, kept.fragment, 1, 12}};
  protocol::repair_task verify;
  verify.id = 13;
  verify.kind = protocol::task_kind::verify;
  verify.chunk = kept.chunk;
  verify.fragment = kept.fragment;
  orders.tasks = {verify};
  orders.slice_from = protocol::slice_request{14, {}, 0};
  master.order(orders);
  rt::system actors{1};
  auto agent =
      actors->spawn<storage_agent, caf::detached>(settings_for(actors, master, disk, quick()));
  CHECK(master.wait_for_result(12).outcome == protocol::task_outcome::not_found);
  auto verified = master.wait_for_result(13);
  CHECK(verified.outcome == protocol::task_outcome::ok);
  CHECK(verified.term == 5);
  master.wait_for_result(11);
  CHECK(get(*disk.store, removed) == "not_found");
  auto slice = master.wait_for_slice();
  CHECK(slice.id == 14);
  CHECK(slice.last);
  CHECK_FALSE(slice.held.empty());
  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
}
