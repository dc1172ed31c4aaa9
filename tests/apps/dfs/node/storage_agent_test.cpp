#include "apps/dfs/storage/store_fixture.hpp"
#include "common/actor_messages.hpp"
#include "free_port.hpp"
#include "node/storage_agent.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/system.hpp>

#include <caf/init_global_meta_objects.hpp>

#include <condition_variable>
#include <mutex>

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
    self.role = "master";
    application_ = actors_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](rt::envelope&) { return rt::make_reply({next_orders(), {}, false}); }};
    });
    node_endpoint_ = rt::spawn_on_io_thread<rt::node_endpoint_actor>(
        *actors_, rt::node_endpoint_actor::settings{self, nullptr, application_});
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
  /// Waits until the agent has taken at least one answer with the present orders: it reports again
  /// only after that.
  void wait_until_taken() {
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [this] { return answered_ >= 3; });
  }

  const atl::endpoint& where() const { return where_; }

 private:
  std::string next_orders() {
    std::lock_guard lock{mutex_};
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
  caf::actor application_;
  caf::actor node_endpoint_;
};

} // namespace

TEST_CASE("a storage node ignores deletions ordered by a master of another group") {
  caf::init_global_meta_objects<caf::id_block::dfs>();
  store_fixture disk;
  auto key = key_of(1);
  REQUIRE(put(*disk.store, key, "data"));
  scripted_master master;
  protocol::storage_commands orders;
  orders.id = 1;
  orders.group = "another group";
  orders.remove = {{key.chunk, key.fragment, false}};
  master.order(orders);

  rt::system actors{1};
  storage_agent::settings settings;
  settings.self.cluster = "reef";
  settings.self.name = "storage-1";
  settings.self.role = "storage";
  settings.masters = {{"master-1", master.where()}};
  settings.timing = quick();
  settings.group = "the group of the data";
  settings.in_flight = [] { return 0U; };
  settings.store = {disk.store.get(), [](chunk_store*) {}};
  auto agent = actors->spawn<storage_agent, caf::detached>(std::move(settings));

  master.wait_until_taken();
  CHECK(get(*disk.store, key) == "data");
  orders.group = "the group of the data";
  master.order(orders);
  master.wait_until_taken();
  CHECK(get(*disk.store, key) == "not_found");

  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown); // `actors` waits for its end
}
