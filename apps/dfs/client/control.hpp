#pragma once

#include "common/master_protocol.hpp"
#include "namespace/command.hpp"
#include "namespace/query.hpp"
#include "namespace/response.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dfs {

/// Ends the message that no master answers.
inline constexpr const char* nodes_down_advice =
    "are the nodes up? ('dfs up FOLDER' starts those of a folder)";

/// A client's way to the masters: finds one that can answer, follows the leader when it moves,
/// tries again with back-off, and finishes what was under way when a master died, applied once.
/// Thread-safe.
class control {
 public:
  /// @param reads `local`: whichever master is asked answers queries from what it has applied, also
  /// without a leader. What it answers may be old by any length of time, and a later query may see
  /// an older state when another master answers it.
  explicit control(const cluster_settings& cluster,
                   atl::spi::read_level reads = atl::spi::read_level::linearizable);
  control(const control&) = delete;
  control& operator=(const control&) = delete;
  ~control();

  /// Gets a call's answer, on a thread of this object's that must not be kept waiting.
  using completion = std::function<void(atl::result<std::string>)>;

  /// Carries out one command on the name space.
  /// @returns its answer or the error that the name space gave; errc::refused when the masters
  /// can't at the moment, errc::timeout when it isn't known whether it took effect.
  template <class Command>
  atl::result<typename Command::response> run(Command what) {
    auto answer = submit(action{std::move(what)});
    if (!answer)
      return tl::unexpected{answer.error()};
    return decode_response<typename Command::response>(*answer);
  }

  /// Asks the name space. With linearizable reads the response reflects every command that was
  /// answered before the call.
  template <class Query>
  atl::result<typename Query::response> query(const Query& what) {
    auto answer = query_bytes(encode(query_message{what}));
    if (!answer)
      return tl::unexpected{answer.error()};
    return decode_response<typename Query::response>(*answer);
  }

  /// The same without waiting; the answer is for `decode_response`.
  void submit(action what, completion done);
  void query(std::string query, completion done);

  /// The oldest state that answered a local read: all entries up to this log index were applied.
  /// None before the first such answer.
  std::optional<atl::spi::log_index> oldest_applied() const;

  /// Makes these the masters' group. Repeating it is safe.
  /// @param lost masters whose disks are gone: a person's word that they never come back
  atl::status change_members(std::vector<atl::spi::replica_id> voters,
                             std::vector<atl::spi::replica_id> learners,
                             std::vector<atl::spi::replica_id> lost = {});
  /// Asks the leading master to let another one lead; it may decline, and says nothing then.
  atl::status transfer_leadership(atl::spi::replica_id to);

  /// Asks a master something else.
  atl::result<std::string> call(protocol::kind kind, std::string body);
  void call(protocol::kind kind, std::string body, completion done);

  /// Asks the leading master what a client must know to store and read.
  atl::result<protocol::cluster_info> cluster_info();

  /// Asks each master itself, without trying again; in the order of the settings.
  std::vector<atl::result<std::string>> call_each(protocol::kind kind);

 private:
  struct implementation;
  atl::result<std::string> query_bytes(std::string query);
  atl::result<std::string> submit(action what);

  std::unique_ptr<implementation> impl_;
};

} // namespace dfs
