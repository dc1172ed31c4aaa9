#pragma once

#include <atoll/runtime/messages.hpp>
#include <atoll/runtime/node_info.hpp>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace atl::runtime {

/// A file of a snapshot.
struct snapshot_file {
  std::string name;
  std::uint64_t bytes = 0;
};

/// What one replica says to another about a snapshot that it has for it.
struct snapshot_offer {
  std::uint64_t id = 0; ///< of this copy; it lasts as long as the sender wants to give it
  spi::log_position position = 0;
  std::string blob; ///< the protocol's part
  std::vector<snapshot_file> files;
};
struct snapshot_read {
  std::uint64_t id = 0;
  std::uint32_t file = 0; ///< place in the offer's list
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
};
struct snapshot_done {
  std::uint64_t id = 0;
};

std::string encode(const snapshot_offer& it);
std::string encode(const snapshot_read& it);
std::string encode(const snapshot_done& it);
/// Of hostile bytes. @returns none for what is none of the three, or breaks a limit: names are
/// plain, without a folder.
std::optional<std::variant<snapshot_offer, snapshot_read, snapshot_done>>
decode_snapshot_call(std::string_view bytes);

/// Without decoding all of it.
bool is_snapshot_offer(std::string_view bytes);

/// Carries snapshots of the state machine between replicas: the one that lacks entries is offered a
/// snapshot and fetches its files, piece by piece and never faster than the configured rate, over
/// the link between the two. When the link breaks it goes on where it was. One snapshot at a time
/// comes in; several may go out.
///
/// Reads and writes files, so it must be spawned with a thread of its own.
class courier_actor : public caf::event_based_actor {
 public:
  struct settings {
    node_info self;
    link_settings timing;
    std::filesystem::path incoming; ///< folder for what comes in; emptied at the start
    std::filesystem::path outgoing; ///< folder for what goes out; emptied at the start
    caf::actor replica;             ///< gets `snapshot_outcome` and `snapshot_arrived`
    std::uint64_t seed = 0;
  };

  courier_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.courier"; }

 private:
  using clock = std::chrono::steady_clock;

  struct sending {
    std::uint64_t id = 0;
    std::filesystem::path folder;
    std::vector<snapshot_file> files;
    clock::time_point touched; ///< when the other one last asked for something
  };
  struct receiving {
    spi::replica_id from = 0;
    caf::actor link;
    snapshot_offer offer;
    std::size_t file = 0;     ///< the one that is being fetched
    std::uint64_t offset = 0; ///< how much of it is there
    std::ofstream out;
    std::uint64_t generation = 0;
    clock::time_point touched;
  };

  void send_offer(snapshot_order& order);
  void end_sending(spi::replica_id to, bool ok);
  envelope take(snapshot_call& call);
  envelope on_offer(const snapshot_call& call, snapshot_offer offer);
  envelope on_read(spi::replica_id from, const snapshot_read& wanted);
  envelope on_done(spi::replica_id from, const snapshot_done& done);
  envelope addressed(spi::replica_id to, std::string body) const;

  void fetch_next();
  void on_piece(const std::string& bytes);
  bool open_file();
  bool finish_file();
  void finish_receiving();
  void abandon(const std::string& why);
  void look_after();

  settings settings_;
  std::map<spi::replica_id, sending> sending_;
  std::optional<receiving> receiving_;
  std::uint64_t next_id_;
  std::uint64_t generations_ = 0;
};

} // namespace atl::runtime
