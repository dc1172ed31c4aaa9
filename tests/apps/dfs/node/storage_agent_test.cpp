#include "apps/dfs/bulk/bulk_fixture.hpp"
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
        return rt::make_reply({next_orders(node, message), {}, false});
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
    orders.batch = ++batch_;
    orders_ = protocol::encode(orders);
    answered_ = 0;
  }
  /// Waits until the agent has told so many results, and returns all so far.
  std::vector<protocol::task_result> wait_for_results(std::size_t count) {
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [&] { return results_.size() >= count; });
    return results_;
  }
  protocol::fragment_slice wait_for_slice(std::uint64_t id) {
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [&] { return slice_ && slice_->id == id; });
    return *slice_;
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

  /// Waits until the agent has said that it took the last orders.
  void wait_until_told_as_taken() {
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [this] { return batch_taken_ == batch_; });
  }

  const atl::endpoint& where() const { return where_; }

 private:
  std::string next_orders(const caf::actor_addr& node, const rt::envelope& message) {
    std::lock_guard lock{mutex_};
    node_ = node;
    if (auto report = protocol::decode_storage_heartbeat(message.body)) {
      results_.insert(results_.end(), report->done.begin(), report->done.end());
      if (report->slice)
        slice_ = report->slice;
      batch_taken_ = report->batch_taken;
    }
    ++answered_;
    reported_.notify_all();
    return orders_;
  }

  rt::system actors_{1};
  atl::endpoint where_;
  std::mutex mutex_;
  std::condition_variable reported_;
  std::string orders_;
  std::vector<protocol::task_result> results_;
  std::optional<protocol::fragment_slice> slice_;
  int answered_ = 0;
  std::uint64_t batch_ = 0;
  std::uint64_t batch_taken_ = 0; ///< as the agent says
  caf::actor_addr node_;          ///< the connection over which the agent reports
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
  repair_worker::settings repairs;
  repairs.store = settings.store;
  repairs.find_scheme = [](auto, auto&) { return atl::fail(atl::errc::not_found, "none"); };
  repairs.reading = [] { return caller_options(); };
  settings.repairs = std::make_shared<repair_worker>(std::move(repairs));
  return settings;
}

protocol::storage_commands orders_of_term(std::uint64_t term) {
  protocol::storage_commands orders;
  orders.id = 1;
  orders.group = "the group of the data";
  orders.term = term;
  return orders;
}

protocol::repair_task task_to_verify(const fragment_key& key, std::uint64_t id) {
  protocol::repair_task task;
  task.id = id;
  task.kind = protocol::task_kind::verify;
  task.chunk = key.chunk;
  task.fragment = key.fragment;
  return task;
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

TEST_CASE(
    "a storage node carries out a master's tasks once, however often they are given, and tells "
    "this master at once how they ended") {
  using protocol::task_outcome;
  register_types_once();
  bulk_cluster sources{1};
  store_fixture disk;
  auto data = pattern(3 * block_size);
  REQUIRE(put(*sources[0].at.store, key_of(1), data));
  REQUIRE(put(*disk.store, key_of(2), "damaged"));
  disk.flip_bit(key_of(2), 0);
  scripted_master master;
  auto orders = orders_of_term(5);
  protocol::repair_task copy;
  copy.id = 11;
  copy.chunk = key_of(1).chunk;
  copy.fragment = key_of(1).fragment;
  copy.fragment_bytes = data.size();
  copy.sources = {{0, sources[0].endpoint(), 9}};
  orders.tasks = {copy, task_to_verify(key_of(2), 12), task_to_verify(key_of(3), 13)};
  master.order(orders);
  rt::system actors{1};
  auto rare = quick();
  rare.heartbeat = std::chrono::hours{1}; // so that results wait for no heartbeat
  auto agent =
      actors->spawn<storage_agent, caf::detached>(settings_for(actors, master, disk, rare));
  std::map<std::uint64_t, task_outcome> outcomes;
  for (auto& result : master.wait_for_results(3)) {
    CHECK(result.term == 5);
    CHECK(outcomes.emplace(result.id, result.outcome).second); // each once
  }
  CHECK(outcomes == std::map<std::uint64_t, task_outcome>{{11, task_outcome::ok},
                                                          {12, task_outcome::corrupt},
                                                          {13, task_outcome::not_found}});
  CHECK(get(*disk.store, key_of(1)) == data);
  master.wait_until_told_as_taken();
  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
}

TEST_CASE("a storage node refuses tasks and removals of an older term, and says so") {
  using protocol::task_outcome;
  register_types_once();
  store_fixture disk;
  auto key = key_of(1);
  REQUIRE(put(*disk.store, key, "data"));
  scripted_master master;
  master.order(orders_of_term(5));
  rt::system actors{1};
  auto agent =
      actors->spawn<storage_agent, caf::detached>(settings_for(actors, master, disk, quick()));
  master.wait_until_taken();
  auto orders = orders_of_term(4);
  orders.tasks = {task_to_verify(key, 21)};
  orders.remove = {{key.chunk, key.fragment, generation_of(*disk.store, key), 22}};
  master.order(orders);
  for (auto& result : master.wait_for_results(2)) {
    CHECK(result.term == 4);
    CHECK(result.outcome == task_outcome::refused);
  }
  CHECK(get(*disk.store, key) == "data");
  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
}

TEST_CASE("a removal with an id is told when it is done, and when the copy isn't there") {
  using protocol::task_outcome;
  register_types_once();
  store_fixture disk;
  auto key = key_of(1);
  REQUIRE(put(*disk.store, key, "data"));
  auto generation = generation_of(*disk.store, key);
  scripted_master master;
  auto orders = orders_of_term(5);
  orders.remove = {{key.chunk, key.fragment, generation + 1, 31},
                   {key.chunk, key.fragment, generation, 32},
                   {key_of(2).chunk, 0, 1, 33},
                   {key_of(3).chunk, 0, 1, 0}};
  master.order(orders);
  rt::system actors{1};
  auto rare = quick();
  rare.heartbeat = std::chrono::hours{1};
  auto agent =
      actors->spawn<storage_agent, caf::detached>(settings_for(actors, master, disk, rare));
  std::map<std::uint64_t, task_outcome> outcomes;
  for (auto& result : master.wait_for_results(3))
    outcomes[result.id] = result.outcome;
  CHECK(outcomes == std::map<std::uint64_t, task_outcome>{{31, task_outcome::not_found},
                                                          {32, task_outcome::ok},
                                                          {33, task_outcome::not_found}});
  CHECK(get(*disk.store, key) == "not_found");
  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
}

TEST_CASE("a storage node says which fragments it has from a key on, in order") {
  register_types_once();
  store_fixture disk;
  for (std::uint64_t i : {5, 1, 3, 2, 4})
    REQUIRE(put(*disk.store, key_of(i), "data"));
  scripted_master master;
  auto orders = orders_of_term(5);
  orders.slice_from = protocol::slice_request{41, key_of(2).chunk, 1};
  master.order(orders);
  rt::system actors{1};
  auto rare = quick();
  rare.heartbeat = std::chrono::hours{1};
  auto agent =
      actors->spawn<storage_agent, caf::detached>(settings_for(actors, master, disk, rare));
  auto slice = master.wait_for_slice(41);
  CHECK(slice.term == 5);
  CHECK(slice.from_chunk == key_of(2).chunk);
  CHECK(slice.from_fragment == 1);
  CHECK(slice.last);
  std::vector<protocol::held_fragment> expected;
  for (std::uint64_t i : {3, 4, 5})
    expected.push_back({key_of(i).chunk, 0, generation_of(*disk.store, key_of(i))});
  CHECK(slice.held == expected);
  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
}
