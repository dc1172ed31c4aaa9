#include "temporary_folder.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/snapshot_transfer.hpp>
#include <atoll/runtime/system.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

/// Snapshot transfers with real files and sockets, of which the receiver is restarted.
using namespace atl;
using namespace atl::runtime;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t first_bytes = 1 << 20;
constexpr std::size_t second_bytes = 32 << 20; ///< takes long at the slow rate

std::string contents(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>((i * (2 * seed + 1)) >> 3);
  return bytes;
}

std::string read(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream{file, std::ios::binary}.rdbuf();
  return out.str();
}

/// The messages of the snapshot transfers to their replicas.
struct replicas {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<snapshot_arrived> arrived;
  int outcomes = 0;

  caf::actor spawn(runtime::system& actors) {
    return actors->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](snapshot_arrived& it) {
                std::lock_guard lock{mutex};
                arrived = std::move(it);
                changed.notify_all();
              },
              [this](const snapshot_outcome&) {
                std::lock_guard lock{mutex};
                ++outcomes;
                changed.notify_all();
              }};
    });
  }
};

struct two_transfers {
  temporary_folder folder;
  runtime::system actors{1};
  replicas messages;
  caf::actor replica = messages.spawn(actors);
  fs::path incoming = folder / "incoming";
  caf::actor sender = spawn(1, folder / "unused", 0);
  caf::actor receiver;
  caf::actor connection;
  int snapshots = 0;
  fs::path forgotten; ///< a file that the connection removes before it forwards an offer

  ~two_transfers() {
    stop(receiver);
    stop(sender);
    for (auto& it : {connection, replica})
      caf::anon_send_exit(it, caf::exit_reason::user_shutdown);
  }

  caf::actor spawn(spi::replica_id id, fs::path into, std::uint64_t rate) {
    snapshot_transfer_actor::settings it;
    it.role.replica = id;
    it.timing.snapshot_rate = rate;
    it.timing.heartbeat = std::chrono::milliseconds{10};
    it.incoming = std::move(into);
    it.outgoing = folder / fmt::format("outgoing-{}", id);
    it.listen.host = "127.0.0.1";
    it.replica = replica;
    it.seed = id;
    return actors->spawn<snapshot_transfer_actor, caf::detached>(std::move(it));
  }
  static void stop(caf::actor& it) {
    if (!it)
      return;
    caf::anon_send_exit(it, caf::exit_reason::user_shutdown);
    caf::scoped_actor {
      it->home_system()
      } -> wait_for(it);
    it = nullptr;
  }

  /// Starts the receiver.
  void begin(std::uint64_t rate) {
    receiver = spawn(2, incoming, rate);
    if (connection)
      caf::anon_send_exit(connection, caf::exit_reason::user_shutdown);
    connection =
        actors->spawn([this, to = receiver](caf::event_based_actor* self) -> caf::behavior {
          return {[this, self, to](envelope& message) -> caf::result<envelope> {
            fs::remove(std::exchange(forgotten, {}));
            auto addresses = 2 * sizeof(spi::replica_id);
            auto promise = self->make_response_promise<envelope>();
            promise.delegate(to, snapshot_call{1, caf::actor_cast<caf::actor>(self), "127.0.0.1",
                                               message.body.substr(addresses)});
            return promise;
          }};
        });
  }
  /// Gives it a snapshot of two large files and a small one. @param forget of the files, one that
  /// nobody can get any more once it is offered
  void offer(spi::log_index index, const std::string& small, const char* forget = nullptr) {
    auto from = folder / fmt::format("snapshot-{}", ++snapshots);
    fs::create_directories(from);
    if (forget)
      forgotten = from / forget;
    auto write = [&](const char* name, const std::string& bytes) {
      std::ofstream{from / name, std::ios::binary} << bytes;
    };
    write("1-first", contents(first_bytes, 1));
    write("2-second", contents(second_bytes, 2));
    write("3-small", small);
    tell_from_outside(sender, snapshot_order{2, connection, index, "blob", from});
  }

  /// Waits until the first file and a part of the second have arrived.
  void await_parts() const {
    must_come_true([this] {
      std::error_code absent;
      auto size = fs::file_size(incoming / "2-second", absent);
      return !absent && size > 0;
    });
  }
  void must_arrive(spi::log_index index, const std::string& small) {
    std::unique_lock lock{messages.mutex};
    REQUIRE(messages.changed.wait_for(lock, std::chrono::seconds{60},
                                      [this] { return messages.arrived.has_value(); }));
    CHECK(messages.arrived->index == index);
    CHECK(read(incoming / "1-first") == contents(first_bytes, 1));
    CHECK(read(incoming / "2-second") == contents(second_bytes, 2));
    CHECK(read(incoming / "3-small") == small);
    CHECK(std::distance(fs::directory_iterator{incoming}, {}) == 3);
  }
  template <class Condition>
  static void must_come_true(Condition condition) {
    for (int i = 0; i < 6000 && !condition(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    REQUIRE(condition());
  }
};

constexpr std::uint64_t slow = 2 << 20;
constexpr std::uint64_t fast = std::uint64_t{1} << 40;

} // namespace

TEST_CASE("a restarted snapshot transfer resumes when the same snapshot is offered again") {
  two_transfers it;
  it.begin(slow);
  it.offer(10, "some");
  it.await_parts();
  it.stop(it.receiver);
  CHECK(fs::file_size(it.incoming / "2-second") < second_bytes);
  it.begin(fast);
  it.offer(20, "some more", "1-first"); // the first file can only come from the earlier transfer
  it.must_arrive(20, "some more");
}

TEST_CASE("parts of a snapshot that a crash damaged are found before the snapshot is used") {
  two_transfers it;
  it.begin(slow);
  it.offer(10, "some");
  it.await_parts();
  it.stop(it.receiver);
  {
    std::fstream part{it.incoming / "1-first", std::ios::binary | std::ios::in | std::ios::out};
    part << "zeroes, say";
  }
  fs::resize_file(it.incoming / "2-second", second_bytes / 2); // the end reads as zeros
  it.begin(fast);
  it.offer(20, "some more");
  it.must_arrive(20, "some more");
}

TEST_CASE("parts of a snapshot without their offer are removed") {
  two_transfers it;
  fs::create_directories(it.incoming);
  std::ofstream{it.incoming / "1-first"} << "some bytes";
  SUBCASE("the note is missing") {}
  SUBCASE("the note can't be decoded") {
    std::ofstream{it.incoming / ".offer"} << "some bytes";
  }
  it.begin(fast);
  it.must_come_true([&] { return !fs::exists(it.incoming); });
  it.offer(10, "some");
  it.must_arrive(10, "some");
}
