#pragma once

#include "common/master_protocol.hpp"
#include "common/policy.hpp"
#include "master/placement_pool.hpp"
#include "master/registry.hpp"

#include <atoll/core/error.hpp>
#include <atoll/spi/balancer.hpp>
#include <atoll/spi/random.hpp>
#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs {

/// The plugins by which chunks of a policy are placed.
struct placement_plugins {
  std::shared_ptr<atl::spi::balancer> balancer;
  std::string balancer_name; ///< for messages
  std::shared_ptr<const atl::spi::recovery> recovery;
};

/// Assigns ids to new chunks and nodes to their fragments, and tracks the uploads under way, whose
/// chunks nothing refers to yet. Each policy has plugins of its own. Not thread-safe.
class placement_service {
 public:
  /// @param pool of each policy, without its seed
  explicit placement_service(std::uint64_t seed, atl::pool_options pool = {})
      : seed_{seed}, pool_{std::move(pool)}, random_{seed} {}

  /// From now on chunks of the policy can be placed; its pool begins with the nodes that have
  /// reported.
  void add_policy(policy_id id, placement_plugins plugins, const storage_registry& registry,
                  steady_time now);
  bool has_policy(policy_id id) const { return domains_.contains(id); }

  /// To be called after each report of a storage node, and after the node got its id.
  void on_report(const std::string& name, const storage_registry::node& node,
                 const storage_registry& registry, steady_time now);

  /// Places `request.chunks` chunks of a policy that was added. The chunks of the upload's last
  /// request count as stored by now, except on the nodes that this one avoids. @param
  /// gc_watermark_us the ids' times are above it, whatever the clock says, because older chunks
  /// can't be committed. A client that avoids so many nodes that too few are left is not refused,
  /// because a refusal costs it more time than a node that fails again.
  /// @returns errc::unavailable if fewer nodes are up than the scheme must write to, errc::no_space
  /// if enough are up but too few have room, errc::refused if the balancer picks too few of the
  /// nodes with room, errc::internal if the balancer or the scheme failed.
  atl::result<protocol::allocate_response> place(const protocol::allocate_request& request,
                                                 const storage_registry& registry,
                                                 std::uint64_t now_us,
                                                 std::uint64_t gc_watermark_us, steady_time now);

  /// Why chunks of this size can't be stored at the moment; empty if enough nodes can store one.
  std::string shortage_of_nodes(policy_id policy, std::uint64_t chunk_bytes,
                                const storage_registry& registry, steady_time now) const;

  /// Renews an upload, also one that began under another leader.
  void renew(const protocol::renew_request& request, std::uint64_t now_us, steady_time now);

  /// The upload's file is committed.
  void finish(std::uint64_t upload, steady_time now);

  /// The time of the first chunk of the oldest upload that was renewed within `grace`; forgets
  /// uploads that were not.
  std::optional<std::uint64_t> oldest_upload(steady_time now, std::chrono::microseconds grace);

  /// The time of the youngest chunk that was placed here; 0: none was.
  std::uint64_t last_made_us() const { return last_made_us_; }

  std::size_t uploads_under_way() const { return uploads_.size(); }

  void add_metrics(atl::metric_set& into) const;

  /// Are there full nodes, and too few others for all fragments of a chunk?
  bool lacks_space(policy_id policy, std::uint64_t chunk_bytes, const storage_registry& registry,
                   steady_time now) const;

 private:
  /// What places the chunks of a policy.
  struct domain {
    placement_pool nodes;
    std::shared_ptr<const atl::spi::recovery> recovery;
    atl::spi::fragment_layout layout;
    std::uint32_t per_zone_max = 1;
  };
  struct upload {
    policy_id policy = no_policy; ///< of the chunks that its last request placed
    std::uint64_t began_us = 0;
    steady_time seen{};
    steady_time placed{};            ///< when it placed chunks last
    std::vector<storage_id> nodes{}; ///< of the fragments that the last request placed
    std::uint32_t chunks = 1;        ///< of that request
  };

  /// Tells the balancer what became of the upload's last fragments.
  void settle(upload& it, const std::vector<storage_id>& failed, steady_time now);

  /// The nodes of `request.avoid` that can be avoided.
  std::vector<storage_id> avoidable(const domain& of, const protocol::allocate_request& request,
                                    const storage_registry& registry, std::uint64_t bytes_per_node,
                                    steady_time now) const;
  /// The error for a chunk that fewer nodes than needed can store.
  atl::error shortage(const domain& of, std::uint64_t chunk_bytes, const storage_registry& registry,
                      std::uint64_t bytes_per_node, std::size_t picked, steady_time now) const;
  const domain* find(policy_id policy) const;

  std::map<policy_id, domain> domains_;
  std::uint64_t seed_;
  atl::pool_options pool_;
  atl::spi::random_source random_;
  std::uint64_t last_made_us_ = 0;
  std::map<std::uint64_t, upload> uploads_;
};

} // namespace dfs
