#pragma once

#include "storage_placement.hpp"
#include "storage_world.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace atl::sim {

/// Clients that put, remove, overwrite and read units while a keeper works.
class storage_clients {
 public:
  explicit storage_clients(storage_world& world);

  /// No client begins anything from now on; what is under way ends within seconds.
  void stop() { stopped_ = true; }

 private:
  struct upload {
    std::uint32_t client = 0;
    keep::unit_record unit;
    std::optional<keep::unit_id> replaces;
  };

  void schedule(std::uint32_t client);
  void act(std::uint32_t client);
  void begin_put(std::uint32_t client, std::optional<keep::unit_id> replaces);
  void write_fragments(upload work, std::uint32_t fragments);
  void commit(upload work);
  void remove(const keep::unit_id& unit);
  void read(const keep::unit_id& unit);
  std::optional<keep::unit_id> draw_unit();
  void add_unit(const keep::unit_id& unit);

  storage_world& world_;
  spi::random_source random_;
  storage_placement placement_;
  std::vector<injection_point> deaths_; ///< of each client
  std::vector<keep::unit_id> units_;
  std::unordered_map<keep::unit_id, std::size_t> place_; ///< in `units_`
  std::uint64_t ids_ = 0;
  bool stopped_ = false;
};

} // namespace atl::sim
