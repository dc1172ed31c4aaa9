#pragma once

#include "bulk/connection.hpp"
#include "client/control.hpp"
#include "client/policies.hpp"
#include "common/types.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dfs {

/// What storage nodes found when they read fragments.
struct fragment_findings {
  std::uint64_t fragments = 0;        ///< that were looked at
  std::vector<std::string> damaged{}; ///< a sentence for each that is damaged or gone
  std::vector<std::string> unknown{}; ///< a sentence for each that could not be looked at
};

/// Has storage nodes read fragments, and compare them with their checksums, over a connection to
/// each node. Calls block. Not thread-safe.
class fragment_checks {
 public:
  /// Asks the masters for the nodes.
  static atl::result<fragment_checks> open(const cluster_settings& cluster, control& masters);

  enum class depth : std::uint8_t {
    presence, ///< has the node the fragment, and is its beginning in order?
    whole,    ///< the node reads the fragment
  };

  /// Looks at all fragments of a chunk. A node tells the masters of one that is gone, and moves one
  /// that is damaged aside. Copies that are read whole must have the chunk's checksum: one that has
  /// not, although its own checksums are right, is moved aside if another copy has it; where none
  /// has, all stay, because any may be of use. @returns the fragments that the masters know a place
  /// of
  std::vector<atl::spi::fragment_report> check(const chunk_record& chunk, fragment_findings& found,
                                               depth how);
  /// Reads the fragments that are reported as in order, decodes the chunk from some of them, by its
  /// checksum, and compares each with what the chunk is encoded into. One that is wrong is reported
  /// as damaged from then on; its node moves it aside. Holds the chunk and its fragments in memory.
  /// @pre the fragments aren't copies, and `check` made the `reports`
  void compare(const chunk_record& chunk, const atl::spi::recovery& scheme,
               std::vector<atl::spi::fragment_report>& reports, fragment_findings& found);

 private:
  struct node {
    std::string name;
    bool is_up = false;
    std::unique_ptr<bulk_connection> connection;
  };

  /// A fragment whose own checksums are right.
  struct sound_copy {
    std::uint32_t fragment = 0;
    std::uint32_t content_crc = 0;
  };

  atl::spi::fragment_state check_fragment(const fragment_key& key, storage_id at,
                                          fragment_findings& found, depth how,
                                          std::vector<sound_copy>& sound);
  void compare_copies(const chunk_record& chunk, std::span<const sound_copy> sound,
                      fragment_findings& found, std::vector<atl::spi::fragment_report>& reports);
  bool has_copies(const chunk_record& chunk);
  static bool begins_well(bulk_connection& node, const fragment_key& key);

  std::map<storage_id, node> nodes_;
  std::shared_ptr<policies> policies_;
};

} // namespace dfs
