#pragma once

#include "common/master_protocol.hpp"
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

namespace dfs {

/// Gives new chunks their names, and their fragments their nodes; knows which uploads are under
/// way, whose chunks nothing refers to yet.
class placement_service {
 public:
  /// @param balancer, recovery the plugins chosen for the cluster.
  /// @param balancer_name for messages
  placement_service(std::shared_ptr<atl::spi::balancer> balancer,
                    std::shared_ptr<const atl::spi::recovery> recovery, std::uint64_t seed,
                    std::string balancer_name = "placement");

  /// Room for `request.chunks` chunks. @param gc_watermark_us names are made later than this,
  /// whatever the clock says: older ones could not be committed.
  /// @returns errc::unavailable when fewer nodes are there than the scheme must write to,
  /// errc::no_space when there are enough but too few with room, errc::refused when the balancer
  /// chooses too few of those that could take a chunk.
  atl::result<protocol::allocate_answer> place(const protocol::allocate_request& request,
                                               const storage_registry& registry,
                                               std::uint64_t now_us, std::uint64_t gc_watermark_us,
                                               steady_time now);

  /// Why chunks of this size can't be stored at the moment; empty when enough nodes can take one.
  std::string shortage_of_nodes(std::uint64_t chunk_bytes, const storage_registry& registry,
                                steady_time now) const;

  /// Keeps an upload under way that says that it lives, also one that another leader began.
  void renew(const protocol::renew_request& request, std::uint64_t now_us, steady_time now);

  void finish(std::uint64_t upload) { uploads_.erase(upload); }

  /// When the first chunk of the oldest upload was made that showed itself within `grace`; uploads
  /// that didn't are forgotten.
  std::optional<std::uint64_t> oldest_upload(steady_time now, std::chrono::microseconds grace);

  std::size_t uploads_under_way() const { return uploads_.size(); }

  /// Are there full nodes, and too few others for all fragments of a chunk?
  bool lacks_space(const storage_registry& registry, std::uint64_t chunk_bytes,
                   steady_time now) const;

  const atl::spi::fragment_layout& layout() const { return layout_; }

 private:
  struct upload {
    std::uint64_t began_us = 0;
    steady_time seen{};
  };

  /// Why fewer nodes than needed take a chunk.
  atl::error shortage(const protocol::allocate_request& request, const storage_registry& registry,
                      std::uint64_t bytes_per_node, std::size_t picked, steady_time now) const;

  std::string balancer_name_;
  std::shared_ptr<atl::spi::balancer> balancer_;
  std::shared_ptr<const atl::spi::recovery> recovery_;
  atl::spi::fragment_layout layout_;
  atl::spi::random_source random_;
  std::uint64_t last_made_us_ = 0;
  std::map<std::uint64_t, upload> uploads_;
};

} // namespace dfs
