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

/// What one replica says to another about a snapshot that it has for it.
struct snapshot_offer {
  std::uint64_t id = 0; ///< of this copy; it lasts as long as the sender wants to give it
  spi::log_index index = 0;
  std::uint16_t port =
      0; ///< where the sender gives the files (`file_transfer.hpp`), and for what token
  transfer_token token;
  std::string blob; ///< the protocol's part
  std::vector<snapshot_file> files;
};
struct snapshot_done {
  std::uint64_t id = 0;
  bool ok = false; ///< it is all there; else it was given up
};

std::string encode(const snapshot_offer& it);
std::string encode(const snapshot_done& it);
/// Of hostile bytes. @returns none for what is none of the two, or breaks a limit: names are plain,
/// without a folder.
std::optional<std::variant<snapshot_offer, snapshot_done>>
decode_snapshot_call(std::string_view bytes);

/// Without decoding all of it.
bool is_snapshot_offer(std::string_view bytes);

/// Carries snapshots of the state machine between replicas: the one that lacks entries is offered a
/// snapshot over the connection between the two, and fetches its files over a connection of their
/// own, never faster than the configured rate. When that breaks it goes on where it was, also in a
/// later incarnation: beside the files that come in it keeps what they were offered as, and files
/// that are offered as the same again are gone on with. One snapshot at a time comes in; several
/// may go out.
///
/// Reads files, so it must be spawned with a thread of its own.
class snapshot_transfer_actor : public caf::event_based_actor {
 public:
  struct settings {
    node_info self;
    connection_settings timing;
    std::filesystem::path incoming; ///< folder for what comes in
    std::filesystem::path outgoing; ///< folder for what goes out; emptied at the start
    endpoint listen;                ///< where files are given; port 0: any that is free
    caf::actor replica;             ///< gets `snapshot_outcome` and `snapshot_arrived`
    std::uint64_t seed = 0;
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
  /// A snapshot that comes in, on a thread of its own.
  struct receiving {
    spi::replica_id from = 0;
    caf::actor connection;
    snapshot_offer offer;
    std::uint64_t generation = 0;
    std::atomic<bool> stop{false};
    std::thread thread;
  };

  void send_offer(snapshot_order& order);
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

  settings settings_;
  std::map<spi::replica_id, sending> sending_;
  std::unique_ptr<receiving> receiving_;
  std::unique_ptr<file_server> files_; ///< none: it couldn't listen
  std::uint64_t next_id_;
  std::uint64_t generations_ = 0;
  clock::time_point drop_parts_at_{}; ///< those of a snapshot that nobody offers any more
};

} // namespace atl::runtime
