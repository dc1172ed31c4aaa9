#pragma once

#include <atoll/runtime/file_transfer.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace atl::runtime {

/// A file of a snapshot.
struct snapshot_file {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0; ///< CRC-32C
  friend auto operator<=>(const snapshot_file&, const snapshot_file&) = default;
};

/// A message from one replica to another about a snapshot that the sender offers.
struct snapshot_offer {
  std::uint64_t id = 0; ///< of this offer, until the sender withdraws it
  spi::log_index index = 0;
  std::uint16_t port =
      0; ///< where the sender serves the files (`file_transfer.hpp`), and under which token
  transfer_token token;
  std::string blob; ///< the consensus protocol's part of the snapshot
  std::vector<snapshot_file> files;
};
struct snapshot_done {
  std::uint64_t id = 0;
  bool ok = false; ///< true: the receiver has the whole snapshot; false: the transfer failed
};

std::string encode(const snapshot_offer& it);
std::string encode(const snapshot_done& it);
/// Reads hostile bytes. @returns none for a malformed message, one that exceeds a limit, or a file
/// name with a folder in it.
std::optional<std::variant<snapshot_offer, snapshot_done>>
decode_snapshot_call(std::string_view bytes);

/// The kind of the message, found without decoding the rest.
bool is_snapshot_offer(std::string_view bytes);

/// How a receiver fetches the files of an offer.
/// @param host of the sender
/// @param into folder for the files
fetch_plan plan_of_fetch(const snapshot_offer& offer, const std::string& host,
                         const std::filesystem::path& into, const net::identity& self,
                         const net::cluster_secret& secret, const connection_settings& timing);

/// Transfers snapshots of the state machine between replicas. The sender offers a snapshot over the
/// connection between the two replicas; the receiver fetches the files over a separate connection,
/// never faster than the configured rate. When that connection breaks, the receiver resumes where
/// it stopped, also in a later incarnation: it stores the offer beside the incoming files, and
/// keeps the parts of files that a new offer describes alike. At most one snapshot comes in at a
/// time; several may go out.
///
/// Reads files, so it must be spawned with a thread of its own.
class snapshot_transfer_actor : public caf::event_based_actor {
 public:
  struct settings {
    node_info self;
    role_info role; ///< of the replica
    connection_settings timing;
    std::filesystem::path incoming; ///< folder for incoming files
    std::filesystem::path outgoing; ///< folder for outgoing files; emptied at the start
    endpoint listen;                ///< where files are served; port 0: any free port
    caf::actor replica;             ///< gets `snapshot_outcome` and `snapshot_arrived`
    std::uint64_t seed = 0;
    net::cluster_secret secret; ///< for the connections over which files are fetched
  };

  snapshot_transfer_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.snapshot_transfer"; }

 private:
  using clock = std::chrono::steady_clock;

  struct sending {
    std::uint64_t id = 0;
    std::filesystem::path folder;
    transfer_token token;
    clock::time_point offered;
  };
  /// An incoming snapshot, fetched by a separate thread.
  struct receiving {
    spi::replica_id from = 0;
    caf::actor connection;
    snapshot_offer offer;
    std::uint64_t generation = 0;
    std::atomic<bool> stop{false};
    std::thread thread;
  };

  envelope on_order(snapshot_order& order);
  void send_offer(spi::replica_id to, const caf::actor& connection, const snapshot_offer& offer);
  void end_sending(spi::replica_id to, bool ok);
  envelope on_call(snapshot_call& call);
  envelope on_offer(const snapshot_call& call, snapshot_offer offer);
  envelope on_done(spi::replica_id from, const snapshot_done& done);
  envelope addressed(spi::replica_id to, const std::string& body) const;

  std::optional<snapshot_offer> offered_before() const;
  std::uint64_t keep_parts(const snapshot_offer& offer);
  void begin_fetching(const std::string& host);
  void on_fetched(const snapshot_fetched& done);
  void end_receiving();
  void on_tick();
  net::identity identity() const;

  settings settings_;
  std::map<spi::replica_id, sending> sending_;
  std::unique_ptr<receiving> receiving_;
  std::unique_ptr<file_server> files_; ///< null: listening failed
  std::uint64_t next_id_;
  std::uint64_t generations_ = 0;
  clock::time_point
      drop_parts_at_{}; ///< when the parts of a snapshot that is no longer offered are removed
};

} // namespace atl::runtime
