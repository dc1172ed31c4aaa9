#pragma once

#include "node_messages.hpp"
#include "waiting_replica_actor.hpp"

#include <atoll/net/cluster_secret.hpp>
#include <atoll/runtime/snapshot_transfer.hpp>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace atl::node {

/// Stands in for a replica whose copy of the state is damaged, and whose log is intact: fetches the
/// state of another member, one member after the other, until the replica can go on from it. The
/// group keeps its members meanwhile, and this replica takes no part: it neither votes nor answers.
///
/// Spawn it detached: `arrived` opens databases.
class rebuild_actor : public waiting_replica_actor {
 public:
  struct plan {
    group_birth birth;              ///< of the replica's group
    spi::replica_id id = 0;         ///< of the replica
    std::string why;                ///< what is damaged, for people
    std::filesystem::path incoming; ///< folder for the files of the other member
    net::cluster_secret secret;
    /// Called when the state of another member is in `incoming`. @returns whether the replica goes
    /// on from that state; then this actor has done its work, and is ended by the callee.
    std::function<bool(spi::log_index index, const std::string& blob)> arrived;
  };

  rebuild_actor(caf::actor_config& config, settings given, plan what);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.rebuild"; }

 private:
  std::string why_absent() const override;
  std::string waiting_reason() const override;
  std::optional<group_birth> birth() const override { return plan_.birth; }

  void on_tick();
  void ask(const peer& member);
  void on_offer(const peer& from, const envelope& answer);
  void on_fetched(const state_fetched& done);
  void end_fetching();
  void note(std::string progress);

  plan plan_;
  std::string progress_; ///< for people
  std::size_t next_ = 0; ///< the member that is asked next
  bool busy_ = false;    ///< a member was asked, or its files are being fetched
  std::optional<runtime::snapshot_offer> offer_;
  std::string source_; ///< the member of `offer_`
  std::atomic<bool> stop_{false};
  std::thread thread_; ///< fetches
};

} // namespace atl::node
