#pragma once

#include "client/leader_memory.hpp"
#include "common/master_protocol.hpp"
#include "namespace/command.hpp"
#include "namespace/query.hpp"
#include "namespace/response.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/runtime/service_client.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dfs {

/// The end of the message that no master answers.
inline constexpr const char* nodes_down_advice =
    "are the nodes up? ('dfs up FOLDER' starts those of a folder)";

/// Calls the masters on behalf of a client: finds a master that can answer, follows the leader when
/// another master takes the lead, retries with back-off, and repeats commands that were under way
/// when a master died such that each is applied once. Thread-safe.
class control {
 public:
  /// @param reads `local`: any master answers queries from the state that it has applied, also
  /// without a leader. The state may be old by any length of time, and a later query may see an
  /// older state if another master answers it.
  /// @param memory names the master to call first, and is told in the end which one answered; may
  /// be null
  explicit control(const cluster_settings& cluster,
                   atl::spi::read_level reads = atl::spi::read_level::linearizable,
                   std::shared_ptr<const leader_memory> memory = nullptr);
  control(const control&) = delete;
  control& operator=(const control&) = delete;
  ~control();

  /// Receives a call's answer. Called by a thread of this object, so it must not block.
  using completion = std::function<void(atl::result<std::string>)>;

  /// Carries out a command on the name space. @returns the command's response or the name space's
  /// error; errc::refused if the masters can't carry it out at the moment, errc::timeout if the
  /// command may have taken effect.
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

  /// Like `run` and `query`, but without waiting; decode the answer with `decode_response`.
  void submit(action what, completion done);
  void query(std::string query, completion done);

  /// The oldest state that answered a local read: all entries up to this log index were applied.
  /// None before the first such answer.
  std::optional<atl::spi::log_index> oldest_applied() const;

  /// For calls that are the same in every service.
  atl::runtime::service_client& service();

  /// Sends a master a request that is neither a command nor a query.
  atl::result<std::string> call(protocol::kind kind, std::string body);
  void call(protocol::kind kind, std::string body, completion done);

  /// The same for a request that any master can answer, also one that doesn't lead.
  atl::result<std::string> call_any(protocol::kind kind, std::string body);

  /// Asks a master for the settings that a client needs to store and read.
  atl::result<protocol::cluster_info> cluster_info();

  /// Asks each master once, without retries. @returns the answers in the order of the settings
  std::vector<atl::result<std::string>> call_each(protocol::kind kind,
                                                  const std::string& body = {});

 private:
  struct implementation;
  atl::result<std::string> query_bytes(std::string query);
  atl::result<std::string> submit(action what);

  std::unique_ptr<implementation> impl_;
};

} // namespace dfs
